"""Sentences without relations: measured for false alarms, or mixed into the training sentences."""

from pathlib import Path

from cman_jax.data.annotated import AnnotatedCorpus
from cman_jax.data.draw import random_order
from cman_jax.data.stored import joined
from cman_jax.data.text import parse_documents
from cman_jax.errors import InputError
from cman_jax.types import Sentence

_EXPECTED = "sentences without relations, one per line"


def read_negatives(path: Path) -> list[Sentence]:
    """Returns the sentences of a file, one per line, as raw text or JSON; empty lines do not count.

    A line of JSON keeps its entities.

    Raises:
      InputError: the file is missing or damaged, contains no sentence, or a sentence has a relation.
    """
    if not path.is_file():
        raise InputError(path, None, "no such file", _EXPECTED)
    with path.open("rb") as lines:
        sentences = [document.sentence for document in parse_documents(lines, path, "auto", "line")]
    for sentence in sentences:
        if sentence.relations:
            found = f"a relation {sentence.relations[0].type} in sentence {sentence.id!r}"
            raise InputError(path, None, found, _EXPECTED)
    kept = [sentence for sentence in sentences if sentence.tokens]
    if not kept:
        raise InputError(path, None, "no sentence", _EXPECTED)
    return kept


def mix_negatives(corpus: AnnotatedCorpus, path: Path, share: float, seed: int) -> AnnotatedCorpus:
    """Returns the corpus with sentences without relations at the end of its training sentences.

    The sentences are chosen at random. If the file has too few, all of them are taken. A note says how many
    there are.

    Args:
      corpus: the corpus.
      path: the file, as `read_negatives` reads it.
      share: the share of these sentences in all training sentences, from 0 to below 1.
      seed: the seed of the choice.

    Raises:
      InputError: as `read_negatives`, or a sentence has the id of a training sentence.
    """
    train, negatives = corpus.splits["train"], read_negatives(path)
    wanted = round(len(train) * share / (1 - share))
    chosen = [negatives[index] for index in sorted(random_order(len(negatives), seed)[:wanted])]
    named = [sentence._replace(id=f"{path.stem}:{sentence.id}") for sentence in chosen]
    mixed, ids = joined([train, named]), {sentence.id for sentence in named}
    if again := next((sentence.id for sentence in train if sentence.id in ids), None):
        found = f"the id {again!r} of a training sentence"
        raise InputError(path, None, found, "a file of another name")
    of_all = 100 * len(named) / max(len(train) + len(named), 1)
    note = f"negatives: {len(named)} of {len(negatives)} sentences of {path}, {of_all:.1f} % of train"
    splits = {**corpus.splits, "train": mixed}
    return corpus._replace(splits=splits, notes=[*corpus.notes, note], drawn=True)
