"""What requests ask for: texts, tokens and options; the form; and what is refused with which status."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from cman_jax.config import Config
from cman_jax.server.requests import Limits, Refused, Wanted, read_form, read_json

LIMITS = Limits()
TEXT = "Ann left Oslo. Bob came."


def wanted(value: Any, limits: Limits = LIMITS) -> Wanted:
    return read_json(json.dumps(value).encode(), limits, Config())


@pytest.mark.parametrize(
    ("value", "ids", "texts"),
    [
        ({"text": TEXT}, ["1.1", "1.2"], ["Ann left Oslo.", "Bob came."]),
        ({"text": TEXT, "sentences": "line"}, ["1"], [TEXT]),
        ({"texts": ["Ann left.", TEXT, ""]}, ["1", "2.1", "2.2", "3"], None),
        ({"tokens": [["Ann", "left"], ["Bob"]]}, ["1", "2"], ["Ann left", "Bob"]),
        ({"texts": []}, [], []),
    ],
)
def test_texts_and_tokens_become_sentences(value: Any, ids: list[str], texts: list[str] | None) -> None:
    found = wanted(value)
    assert [document.sentence.id for document in found.documents] == ids
    assert texts is None or [document.text for document in found.documents] == texts
    assert found.options == (None, None)


def test_options_are_taken() -> None:
    assert wanted({"text": TEXT, "threshold": 0.25, "anchor": "any"}).options == (0.25, "any")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "request: found bad JSON"),
        (b"{", 400, "request: found bad JSON"),
        (b"\xff", 400, "request: found bytes that are not valid UTF-8"),
        (b"[" * 100_000, 400, "request: found JSON nested too deeply"),
        (b'{"text": "a", "text": "b"}', 400, "key 'text' occurs twice"),
        (b"[]", 422, "request: found"),
        (b"{}", 422, "request: found no text, expected one of"),
        (b'{"text": "a", "tokens": [["a"]]}', 422, "found 'text' and 'tokens', expected one of"),
        (b'{"text": ["a"]}', 422, "found a text that is not a string"),
        (b'{"texts": "a"}', 422, "found a text that is not a string"),
        (b'{"tokens": ["a"]}', 422, "found tokens that are ['a'], expected a list of lists of strings"),
        (b'{"tokens": [[]]}', 422, "request, tokens:1: found tokens that are []"),
        (b'{"tokens": [["a"], ["b c"]]}', 422, "request, tokens:2: found token 0 = 'b c'"),
        (b'{"tokens": [[1]]}', 422, "request, tokens:1: found token 0 = 1"),
        (b'{"text": "\\ud800"}', 422, "found half of a surrogate pair"),
        (b'{"tokens": [["\\udfff"]]}', 422, "found half of a surrogate pair"),
        (b'{"text": "a", "treshold": 0.5}', 422, "'treshold'"),
        (b'{"text": "a", "threshold": NaN}', 422, "option threshold: found nan"),
        (b'{"text": "a", "threshold": 1}', 422, "option threshold: found 1, expected in [0, 1)"),
        (b'{"text": "a", "threshold": 1' + b"0" * 400 + b"}", 422, "threshold"),
        (b'{"text": "a", "threshold": "0.5"}', 422, "option threshold: found '0.5'"),
        (b'{"text": "a", "anchor": ["any"]}', 422, "option anchor: found ['any']"),
        (b'{"text": "a", "sentences": "words"}', 422, "found sentences = 'words'"),
        (b'{"text": "a", "sentences": ["line"]}', 422, "found sentences = ['line']"),
        (b'{"tokens": [["a"]], "sentences": "line"}', 422, "neither with"),
    ],
)
def test_other_bodies_are_refused_with_one_line(body: bytes, status: int, message: str) -> None:
    with pytest.raises(Refused) as error:
        read_json(body, LIMITS, Config())
    assert error.value.status == status
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_limits_hold_at_their_edge() -> None:
    limits = Limits(texts=2, characters=6)
    for value in ({"texts": ["abc", "def"]}, {"tokens": [["abc"], ["d", "ef"]]}, {"text": "abcdef"}):
        assert wanted(value, limits).documents
    for value in ({"texts": ["a", "b", "c"]}, {"tokens": [["a"], ["b"], ["c"]]}):
        with pytest.raises(Refused, match="found 3 texts, expected at most 2") as error:
            wanted(value, limits)
        assert error.value.status == 413
    for value in ({"texts": ["abc", "defg"]}, {"tokens": [["abcd", "efg"]]}, {"text": "abcdefg"}):
        with pytest.raises(Refused, match="found 7 characters, expected at most 6") as error:
            wanted(value, limits)
        assert error.value.status == 413


def test_the_form_asks_for_the_same_as_json() -> None:
    fields = {"text": "Ann’s left.\r\n\r\nBob & Eve came.", "threshold": " 0.25 "}
    found = read_form(urlencode(fields).encode(), LIMITS, Config())
    assert found == wanted({"text": "Ann’s left.\n\nBob & Eve came.", "threshold": 0.25})
    fields = {"text": TEXT, "threshold": "", "sentences": "line"}
    assert read_form(urlencode(fields).encode(), LIMITS, Config()) == wanted(
        {"text": TEXT, "sentences": "line"}
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"text=a&threshold=half", 422),
        (b"text=a&threshold=nan", 422),
        (b"text=a&colour=red", 422),
        (b"texts=a", 422),
        (b"text=%ff", 400),
        (b"\xff", 400),
        (b"&".join([b"a=1"] * 9), 400),
    ],
)
def test_other_forms_are_refused(body: bytes, status: int) -> None:
    with pytest.raises(Refused) as error:
        read_form(body, LIMITS, Config())
    assert error.value.status == status
