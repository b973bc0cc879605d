"""Records as rows of CSV or TSV, one row per triple or per entity."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from cman_jax.inference.record import Record

Rows = Literal["triples", "entities"]

_SENTENCE = ("document", "sentence")
_ENTITY = ("text", "type", "start", "end")
HEADERS = {
    "triples": (
        *_SENTENCE,
        *(f"subject_{name}" for name in _ENTITY),
        "relation",
        *(f"object_{name}" for name in _ENTITY),
        "probability",
    ),
    "entities": (*_SENTENCE, *(f"entity_{name}" for name in _ENTITY), "probability"),
}
"""The columns of each kind of rows. `start` and `end` are characters of the document's text."""


def table_lines(rows: Sequence[Sequence[Any]], delimiter: str) -> str:
    """Returns rows as lines of CSV with this delimiter; cells with special characters are quoted."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def rows_of(record: Record, rows: Rows) -> list[tuple[Any, ...]]:
    """Returns the rows of a record, in the columns of `HEADERS`."""
    where = (record["document"], record["id"])
    entities = [
        (
            e["text"],
            e["type"],
            e["start_char"] + record["document_start"],
            e["end_char"] + record["document_start"],
        )
        for e in record["entities"]
    ]
    if rows == "entities":
        found = zip(entities, record["entities"], strict=True)
        return [(*where, *cells, entity["probability"]) for cells, entity in found]
    return list(_triples(record, where, entities))


def _triples(
    record: Record, where: tuple[str, str], entities: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Yields one row per relation."""
    for relation in record["relations"]:
        subject, object_ = entities[relation["subject"]], entities[relation["object"]]
        yield (*where, *subject, relation["type"], *object_, relation["probability"])
