"""A record has every place of an entity, is ready for JSON, and prints readably."""

import json
import sys

import pytest

from cman_jax.data.text import from_text
from cman_jax.inference.record import Record
from cman_jax.page import html
from cman_jax.types import Annotation, Entity, Relation


def test_a_record_names_spans_by_token_and_character() -> None:
    document = from_text("Ann Lee left Oslo.", "9")
    entities = (Entity(0, 2, "Peop"), Entity(3, 4, "Loc"))
    record = Record.of(
        document, Annotation(entities, (Relation(0, 1, "Live_In"),), (0.5, 1.0), (0.5,), (0.25,))
    )
    first = {"start": 0, "end": 2, "type": "Peop", "start_char": 0, "end_char": 7, "text": "Ann Lee"}
    assert record["entities"][0] == {**first, "probability": 0.5}
    relation = {"subject": 0, "object": 1, "type": "Live_In"}
    assert record["relations"] == [{**relation, "probability": 0.25, "relation_probability": 0.5}]
    assert json.loads(json.dumps(record)) == record
    assert record.triples() == [("Ann Lee", "Live_In", "Oslo", 0.25)]
    assert repr(record) == (
        "Ann Lee left Oslo.\n  Ann Lee [Peop]  0.50\n  Oslo [Loc]  1.00\n  Ann Lee -- Live_In --> Oslo  0.25"
    )


def hostile() -> Record:
    """A record whose text is not markup."""
    document = from_text("<b>Ann</b> left & Oslo.", "9")
    end = len(document.sentence.tokens)
    entities = (Entity(0, 1, "<i>"), Entity(1, end, "Loc"))
    return Record.of(document, Annotation(entities, (Relation(0, 1, "<u>"),), (0.5, 1.0), (0.25,), (0.25,)))


def test_a_notebook_shows_a_drawing() -> None:
    shown = hostile()._repr_html_()
    assert shown == html.fragment(hostile())
    assert "<svg" in shown
    assert not [tag for tag in ("<b>", "<i>", "<u>", "<script") if tag in shown]


def test_without_the_extra_a_notebook_shows_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    html.environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    shown = hostile()._repr_html_()
    assert shown.startswith("<pre>\n&lt;b&gt;Ann&lt;/b&gt; left &amp; Oslo.\n")
    assert shown.count("\n") == repr(hostile()).count("\n") + 2
    assert "<b>" not in shown
