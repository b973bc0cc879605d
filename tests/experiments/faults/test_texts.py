"""Tests of odd texts: what breaks the promise, and a short form of the campaign."""

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("nltk", reason="needs the extra text")

from cman_jax.data.text import Document, from_text, parse_documents
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor, OnBatch
from cman_jax.inference.record import Record
from cman_jax.types import Annotation, Entity
from experiments.faults.row import Broken
from experiments.faults.texts import ROWS, Input, attempt, check

ATTEMPTS = 60
TEXT = "Ann lives in Oslo."


def record(text: str, name: str = "1") -> tuple:
    """Returns a sentence with a record."""
    document = from_text(text, name)
    return document, Record.of(document, Annotation((Entity(0, 1, "Peop"),), (), (0.5,), ()))


def given(*texts: str, bad: int | None = None) -> Input:
    """Returns an input of raw text."""
    return Input("text", [text.encode() for text in texts], bad, list(texts), {})


class FirstWords(Extractor):
    """An extractor without a network, which compiles nothing: the first token of a sentence is a person."""

    def __init__(self) -> None:
        """Loads nothing."""

    def records(
        self, documents: Iterable[Document], on_batch: OnBatch = lambda count: None
    ) -> Iterator[Record]:
        """Yields the record of every document."""
        for document in documents:
            entities = (Entity(0, 1, "Peop"),) if document.sentence.tokens else ()
            yield Record.of(document, Annotation(entities, (), (0.5,) * len(entities), ()))


def test_odd_texts(tmp_path: Path) -> None:
    extractor, outcomes = FirstWords(), Counter()
    for number in range(ATTEMPTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcomes[attempt(extractor, folder, random.Random(f"{ROWS[0].name} {number}"))] += 1
    assert outcomes.keys() == {
        "a record of every sentence",
        "refused with the number of the line, and records of all lines before it",
    }


def test_records_of_all_lines_keep_the_promise() -> None:
    assert check(given(TEXT), [record(TEXT)], None) == "a record of every sentence"
    error = InputError("input", 2, "x", "y")
    assert check(given(TEXT, "x", bad=1), [record(TEXT)], error).startswith("refused with the number")


def test_every_breach_is_seen() -> None:
    document, found = record(TEXT)
    entity = {**found["entities"][0], "text": "Bob"}
    error = InputError("input", 1, "x", "y")
    breaches = {
        "records of the lines": (given(TEXT, TEXT), [record(TEXT)], None),
        "a text that is not at its place": (given("Bob lives in Oslo."), [record(TEXT)], None),
        "characters without a sentence": (given(f"{TEXT} More."), [record(TEXT)], None),
        "characters without a token": (
            given(TEXT),
            [(document._replace(offsets=document.offsets[:-1]), Record(found | {"tokens": [1] * 4}))],
            None,
        ),
        "offsets of another number": (given(TEXT), [(document, Record(found | {"tokens": []}))], None),
        "an entity that is not": (given(TEXT), [(document, Record(found | {"entities": [entity]}))], None),
        "a good input is refused": (given(TEXT), [record(TEXT)], error),
        "the bad line": (given(TEXT, "x", bad=1), [record(TEXT)], None),
        "an error at another line": (given(TEXT, "x", bad=1), [record(TEXT)], error),
    }
    for seen, case in breaches.items():
        with pytest.raises(Broken, match=seen):
            check(*case)


def test_json_with_other_tokens_breaks_the_promise() -> None:
    lines = [json.dumps(["Ann", "left"]).encode()]
    (document,) = parse_documents(lines, "input", "jsonl")
    pair = document, Record.of(document, Annotation((), ()))
    assert check(Input("jsonl", lines, None, [None], {0: ["Ann", "left"]}), [pair], None)
    with pytest.raises(Broken, match="other tokens"):
        check(Input("jsonl", lines, None, [None], {0: ["Ann", "leaves"]}), [pair], None)
