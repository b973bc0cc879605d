"""Sentences in chunks that fit memory, whatever annotates them."""

from collections.abc import Callable, Iterable, Iterator

from cman_jax.data.arrival import groups_of
from cman_jax.types import Annotation, Sentence

CHUNK = 1024
"""Sentences that are sorted into batches together."""


def annotate_in_chunks(
    sentences: Iterable[Sentence], annotate: Callable[[list[Sentence]], Iterable[Annotation]]
) -> Iterator[Annotation]:
    """Yields one annotation per sentence, which is empty for a sentence without tokens.

    Args:
      sentences: the sentences, of any number.
      annotate: returns the annotations of a chunk's sentences that have tokens, without their gold.
    """
    for chunk in groups_of(sentences, CHUNK):
        found = iter(annotate([Sentence(each.id, each.tokens) for each in chunk if each.tokens]))
        yield from (next(found) if sentence.tokens else Annotation((), ()) for sentence in chunk)
