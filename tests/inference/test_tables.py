"""Tests that tables have one row per triple or entity, that a reader of CSV gets back."""

import csv
import io

import pytest

from cman_jax.data.text import sentences_in
from cman_jax.inference.record import Record
from cman_jax.inference.tables import HEADERS, rows_of, table_lines
from cman_jax.types import Annotation, Entity, Relation

TEXT = 'It rained. Ann "X", Lee left Oslo.'
DOCUMENT = list(sentences_in(TEXT, "d\t,1"))[1]
ENTITIES = (Entity(0, 6, "Peop"), Entity(7, 8, "Loc"))
RECORD = Record.of(DOCUMENT, Annotation(ENTITIES, (Relation(0, 1, "Left"),), (0.5, 0.25), (0.5,), (0.125,)))


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_rows_come_back_from_csv_with_places_in_the_document(delimiter: str) -> None:
    for kind, header in HEADERS.items():
        text = table_lines([header, *rows_of(RECORD, kind)], delimiter)
        for row in csv.DictReader(io.StringIO(text), delimiter=delimiter):
            assert (row["document"], row["sentence"]) == ("d\t,1", "d\t,1.2")
            for name in ("subject", "object", "entity"):
                if f"{name}_text" in row:
                    place = slice(int(row[f"{name}_start"]), int(row[f"{name}_end"]))
                    assert TEXT[place] == row[f"{name}_text"]


def test_every_triple_and_every_entity_is_a_row() -> None:
    (triple,) = rows_of(RECORD, "triples")
    assert triple[2:4] == ('Ann "X", Lee', "Peop")
    assert triple[6:9] == ("Left", "Oslo", "Loc")
    assert triple[-1] == 0.125
    assert [row[-1] for row in rows_of(RECORD, "entities")] == [0.5, 0.25]
