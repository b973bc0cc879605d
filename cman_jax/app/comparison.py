"""The page of HTML that `cman evaluate --page` writes: gold and predicted, sentence by sentence."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cman_jax.data.text import from_tokens, text_of
from cman_jax.files import write_atomically
from cman_jax.inference.record import Record
from cman_jax.page.comparison import render_comparison
from cman_jax.types import Annotation, Sentence


def write_comparison(
    path: Path, gold: Sequence[Sentence], predicted: Sequence[Annotation], title: str
) -> None:
    """Writes the page of gold and predicted annotations.

    Args:
      path: the file.
      gold: the annotated sentences.
      predicted: one annotation per sentence, in the same order.
      title: the title of the page.

    Raises:
      InputError: the extra `page` is not installed.
    """
    pairs = itertools.starmap(record_pair, zip(gold, predicted, strict=True))
    write_atomically(path, render_comparison(pairs, title).encode())


def record_pair(gold: Sentence, predicted: Annotation) -> tuple[dict[str, Any], Record]:
    """Returns a sentence's gold and predicted annotation in the form of records."""
    return gold_record(gold), Record.of(from_tokens(gold), predicted)


def gold_record(sentence: Sentence) -> dict[str, Any]:
    """Returns a sentence with its gold annotation in the form of `Record`, without probabilities."""
    text, places = text_of(sentence)
    entities = [
        {"type": entity.type, "start_char": start, "end_char": end}
        for entity, (start, end) in zip(sentence.entities, places, strict=True)
    ]
    relations = [relation._asdict() for relation in sentence.relations]
    return {"id": sentence.id, "text": text, "entities": entities, "relations": relations}
