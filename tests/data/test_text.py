"""Tests that offsets refer to the right text, and that every line becomes one document."""

import json

import pytest

from cman_jax.data.text import Document, from_text, from_tokens, parse_documents
from cman_jax.errors import InputError
from cman_jax.types import Sentence

LINES = (
    'Sen. Jo O\'Hara said "no, thanks" to D-Ariz. members.',
    "It cost $3.50 (about 3 euros) -- didn't it?",
    'naïve café "quotes" and\ta tab  two spaces',
    "🙂 emoji, then Zürich.",
)


@pytest.mark.parametrize("text", LINES)
def test_tokens_are_the_pieces_of_the_text_in_order(text: str) -> None:
    document = from_text(text, "7")
    assert document.sentence.id == "7"
    assert tuple(text[start:end] for start, end in document.offsets) == document.sentence.tokens
    assert "".join(document.sentence.tokens) == "".join(text.split())
    ends = [end for _, end in document.offsets]
    assert all(start >= end for (start, _), end in zip(document.offsets[1:], ends, strict=False))


def test_tokenisation_follows_the_treebank() -> None:
    tokens = from_text("Mayor Ann Lee's aide, of Acme Corp., left Oslo.", "1").sentence.tokens
    assert tokens == (
        "Mayor",
        "Ann",
        "Lee",
        "'s",
        "aide",
        ",",
        "of",
        "Acme",
        "Corp.",
        ",",
        "left",
        "Oslo",
        ".",
    )


def test_the_text_of_tokens_has_one_space_between_them() -> None:
    document = from_tokens(Sentence("1", ("Ann", "left", "Oslo")))
    assert document.text == "Ann left Oslo"
    assert document.offsets == ((0, 3), (4, 8), (9, 13))


def documents(text: bytes, kind: str = "auto") -> list[Document]:
    """Returns the documents of a file's lines."""
    return list(parse_documents(text.splitlines(keepends=True), "in.txt", kind))


def test_every_line_becomes_a_document_even_blank_lines() -> None:
    found = documents(b"Ann left.\r\n\n  \nBob came.\n")
    assert [document.text for document in found] == ["Ann left.", "", "  ", "Bob came."]
    assert [len(document.sentence.tokens) for document in found] == [3, 0, 0, 3]


def test_the_first_line_with_text_decides_the_format() -> None:
    jsonl = b'\n{"tokens": ["Ann", "left"]}\n{"tokens": ["Bob"], "id": "b"}\n'
    assert [document.sentence.id for document in documents(jsonl)] == ["1", "2", "b"]
    assert documents(jsonl, "text")[1].text == '{"tokens": ["Ann", "left"]}'
    assert documents(b"Ann {left}.\n{and} Bob\n")[1].sentence.tokens[0] == "{"
    assert documents(b"[Laughter] Ann left.\n")[0].sentence.tokens[:2] == ("[", "Laughter")
    assert documents(b'["Ann left."]\n', "text")[0].text == '["Ann left."]'


@pytest.mark.parametrize("kind", ["auto", "jsonl"])
def test_an_array_of_strings_is_the_tokens_of_a_sentence(kind: str) -> None:
    found = documents(b'["Ann", "left"]\n\n [ "Bob" ]\n{"id": "c", "tokens": ["Eve"]}\n', kind)
    expected = [("1", ("Ann", "left")), ("2", ()), ("3", ("Bob",)), ("c", ("Eve",))]
    assert [document.sentence[:2] for document in found] == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            b'[["Warridge", "lives"]]\n',
            "in.txt:1: found an array that is not of strings ([['Warridge', 'lives']])",
        ),
        (b'[{"tokens": ["Ann"]}]\n', "in.txt:1: found an array that is not of strings"),
        (b'["Ann", 1]\n', "in.txt:1: found an array that is not of strings (['Ann', 1])"),
        (b'[\n  ["Ann", "left"],\n  ["Bob"]\n]\n', "in.txt:1: found bad JSON"),
        (b'\n{\n  "tokens": ["Ann"]\n}\n', "in.txt:2: found bad JSON"),
        (b'{"Ann", she said}\n', "in.txt:1: found bad JSON"),
        (b'{"tokens": ["Ann"]}\n"Ann left"\n', "in.txt:2: found a sentence that is 'Ann left'"),
        (b'["Ann left"]\n', "in.txt:1: found token 0 = 'Ann left'"),
        (b"[]\n", "in.txt:1: found tokens that are []"),
    ],
)
def test_json_without_one_sentence_per_line_is_refused_and_never_read_as_raw_text(
    text: bytes, found: str
) -> None:
    with pytest.raises(InputError) as error:
        documents(text)
    assert str(error.value).startswith(found)
    assert "\n" not in str(error.value)
    if "array" in found or "bad JSON" in found:
        assert 'expected one object a line, such as {"text": ' in str(error.value)
        assert str(error.value).endswith("the format text, for raw text")


@pytest.mark.parametrize(
    ("ids", "line", "earlier"),
    [
        (("2", None, "2"), 2, 1),
        ((None, "1"), 2, 1),
        (("a", "b", "a"), 3, 1),
        (("3", "", ""), 3, 1),
        (("", "1"), 2, 1),
    ],
)
def test_two_lines_with_the_same_id_are_refused_even_if_one_id_is_the_line_number(
    ids: tuple[str | None, ...], line: int, earlier: int
) -> None:
    stated = [({"tokens": ["Ann"]} | ({"id": name} if name else {})) if name != "" else "" for name in ids]
    text = "".join(f"{json.dumps(item) if item else ''}\n" for item in stated).encode()
    with pytest.raises(InputError, match=rf"in.txt:{line}: found id '\w' of line {earlier} again") as error:
        documents(text)
    assert error.value.expected == "ids that occur once: give every line an id, or none"


def test_the_id_of_a_divided_text_does_not_occur_again() -> None:
    divided, whole = b'{"id": "a", "text": "Ann left. Bob came."}\n', b'{"id": "a", "text": "Cid ate."}\n'
    for lines in (divided + whole, whole + divided, divided + divided):
        with pytest.raises(InputError, match=r"in.txt:2: found id 'a(\.1)?' of line 1 again"):
            documents(lines)


@pytest.mark.parametrize("kind", ["auto", "jsonl"])
def test_a_byte_order_mark_is_skipped(kind: str) -> None:
    lines = b'\xef\xbb\xbf{"id": "a", "tokens": ["Ann", "left"]}\n{"id": "b", "tokens": ["Bob"]}\n'
    expected = [Sentence("a", ("Ann", "left")), Sentence("b", ("Bob",))]
    assert [document.sentence for document in documents(lines, kind)] == expected
    (document,) = documents(b"\xef\xbb\xbfAnn left.\n")
    assert (document.text, document.sentence.tokens) == ("Ann left.", ("Ann", "left", "."))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"Ann left.\n\xff\xfe\n", "in.txt:2: found bytes that are not valid UTF-8"),
        (b'{"tokens": ["Ann"]}\nAnn left.\n', "in.txt:2: found bad JSON"),
        (b'{"tokens": ["Ann"]}\n{"tokens": []}\n', "in.txt:2: found tokens that are"),
        (b'{"text": "a"}\n{"text": "b\\ud800"}\n', "in.txt:2: found half of a surrogate pair in"),
        (b'{"text": "a", "id": "\\udfff"}\n', "in.txt:1: found half of a surrogate pair in"),
    ],
)
def test_a_bad_line_is_named(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        documents(text)
