"""The conversion of raw text to sentences of tokens with character offsets."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.sentences import split_sentences
from cman_jax.data.treebank import treebank_tokens
from cman_jax.errors import InputError
from cman_jax.files import check_keys, decode_line, parse_json, show
from cman_jax.types import Sentence, is_unicode

LineKind = Literal["auto", "text", "jsonl"]
"""What the lines of a file are: raw text or JSON; "auto": the first line decides."""

Sentences = Literal["split", "line"]
"""How raw text becomes sentences: their ends are found, or each text is one sentence."""

Shard = tuple[int, int]
"""A part of an input, (k, n): documents k, n + k, 2n + k, ..., counted from 1; (0, 1): all of them."""

_BEGINS_JSON = re.compile(r"\s*(\{|\[\s*([\"\[{\]]|$))")
_EXPECTED = (
    'one object a line, such as {"text": "Ann left. Bob came."}, {"tokens": ["Ann", "left"]} or '
    '["Ann", "left"]; or the format text, for raw text'
)

_EXPECTED_IDS = "ids that occur once: give every line an id, or none"


class Document(NamedTuple):
    """A sentence with the text that it comes from.

    A token is the straight form of its piece of the text (see `treebank`), or the piece itself.

    Attributes:
      sentence: the tokens, without an annotation.
      text: the text of the sentence.
      offsets: for each token, the index of its first character and the index after its last character.
      document: the id of the document that the sentence is a part of; empty: the sentence is a document.
      start: index in the document's text of the first character of `text`.
      source: the whole text of the document; empty: `text` is the whole text.
    """

    sentence: Sentence
    text: str
    offsets: tuple[tuple[int, int], ...]
    document: str = ""
    start: int = 0
    source: str = ""

    @property
    def ids(self) -> tuple[str, str]:
        """Returns the id of the document and the id of the sentence, which may be equal."""
        return self.document or self.sentence.id, self.sentence.id


def from_text(text: str, name: str) -> Document:
    """Tokenises a sentence by the conventions of the Penn Treebank, which the corpora follow.

    The network reads the tokens, which have straight quotes and dashes as in the corpora. The text keeps its
    characters, and the offsets refer to them.

    Args:
      text: the sentence.
      name: the sentence's id.

    Raises:
      InputError: the extra `text` is not installed.
    """
    tokens = treebank_tokens(text)
    offsets = tuple((token.start, token.end) for token in tokens)
    return Document(Sentence(name, tuple(token.text for token in tokens)), text, offsets)


def sentences_in(text: str, name: str) -> Iterator[Document]:
    """Yields the sentences of a text, with ids "NAME.1", "NAME.2", and so on.

    The only sentence of a text has the id of the text, and its white space. A text without a token is one
    sentence without tokens.

    Args:
      text: running text.
      name: the text's id.

    Raises:
      InputError: the extra `text` is not installed.
    """
    spans = split_sentences(text)
    if len(spans) < 2:
        yield from_text(text, name)
        return
    for number, (start, end) in enumerate(spans, 1):
        found = from_text(text[start:end], f"{name}.{number}")
        yield found._replace(document=name, start=start, source=text)


def from_tokens(sentence: Sentence) -> Document:
    """Returns a tokenised sentence with its text: the tokens, joined by single spaces."""
    offsets, position = [], 0
    for token in sentence.tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return Document(sentence, " ".join(sentence.tokens), tuple(offsets))


def text_of(sentence: Sentence) -> tuple[str, list[tuple[int, int]]]:
    """Returns the text of a tokenised sentence, and the place of each gold entity in characters."""
    document = from_tokens(sentence)
    offsets = document.offsets
    return document.text, [(offsets[e.start][0], offsets[e.end - 1][1]) for e in sentence.entities]


def documents_in(text: str, name: str, sentences: Sentences) -> Iterable[Document]:
    """Returns the sentences of a text, or the whole text as one sentence.

    Args:
      text: running text.
      name: the text's id.
      sentences: which of the two.

    Raises:
      InputError: the extra `text` is not installed.
    """
    return sentences_in(text, name) if sentences == "split" else [from_text(text, name)]


def is_in_shard(number: int, shard: Shard) -> bool:
    """Returns whether a document belongs to a part of its input; documents are counted from 1."""
    return number % shard[1] == shard[0] % shard[1]


def kind_of(line: str, path: str | Path) -> LineKind:
    """Returns what the lines of a file are, if nobody has said it.

    They are JSON if the file's name ends in ".jsonl", or if the line begins with "{", or with "[" and then a
    quote, a bracket, a brace or its end.

    Args:
      line: the first line that is not blank.
      path: the file.
    """
    return "jsonl" if str(path).lower().endswith(".jsonl") or _BEGINS_JSON.match(line) else "text"


def parse_documents(
    lines: Iterable[bytes],
    path: str | Path,
    kind: LineKind,
    sentences: Sentences = "split",
    shard: Shard = (0, 1),
    prefix: str = "",
) -> Iterator[Document]:
    """Yields the sentences of every line. A blank line is a sentence without tokens.

    A line of JSON is an object with a `text`, an object of the canonical format, of which only `tokens` is
    required, or an array of the tokens. The line number is the id of a line without an id.

    Args:
      lines: UTF-8 lines, with or without their ends.
      path: the file of the lines, for error messages and for its suffix.
      kind: whether the lines are raw text or JSON; "auto": see `kind_of`.
      sentences: whether raw text is divided into sentences.
      shard: which lines are read.
      prefix: what the ids of lines without an id begin with, before the line's number.

    Raises:
      InputError: a line is not valid UTF-8, is not JSON of this form, or has the id of an earlier line.
    """
    line_of: dict[str, int] = {}
    for number, raw in enumerate(lines, 1):
        line = decode_line(raw, path, number)
        if kind == "auto" and line.strip():
            kind = kind_of(line, path)
        if not is_in_shard(number, shard):
            continue
        for document in _documents_of(line, path, number, f"{prefix}{number}", kind, sentences):
            for name in document.ids if kind != "text" else ():
                if (first := line_of.setdefault(name, number)) != number:
                    made = f"a line without an id has {prefix}NUMBER, a sentence of a text ID.NUMBER"
                    found = f"id {show(name)} of line {first} again ({made})"
                    raise InputError(path, number, found, _EXPECTED_IDS)
            yield document


def _documents_of(
    line: str, path: str | Path, number: int, name: str, kind: LineKind, sentences: Sentences
) -> Iterable[Document]:
    """Returns the sentences of a line of raw text or JSON; `name` is the id of a line without one."""
    if not line.strip():
        return [Document(Sentence(name, ()), line, ())]
    if kind == "jsonl":
        return documents_of(parse_line(line, path, number), path, number, sentences, name)
    return documents_in(line, name, sentences)


def parse_line(line: str, path: str | Path, number: int) -> Any:
    """Returns the value of a line of JSON.

    Raises:
      InputError: the line is not valid JSON.
    """
    return parse_json(line, partial(_fail, path, number))


def documents_of(
    value: Any, path: str | Path, number: int | None, sentences: Sentences, name: str | None = None
) -> Iterable[Document]:
    """Returns the sentences that a decoded JSON value describes.

    Args:
      value: an object with a `text`, an object of the canonical format, or an array of tokens.
      path: the place of the value, for error messages.
      number: the line of the value; None: it has none.
      sentences: whether a text is divided into sentences.
      name: the id of a value without one; None: the number.

    Raises:
      InputError: the value has another form.
    """
    parsed = _parse(value, path, number, str(number) if name is None else name)
    return [from_tokens(parsed)] if isinstance(parsed, Sentence) else documents_in(*parsed, sentences)


def _fail(path: str | Path, number: int | None, found: str, _: str = "") -> InputError:
    """Returns the error for a line that is not of the form that `parse_documents` reads."""
    return InputError(path, number, found, _EXPECTED)


def _parse(obj: Any, path: str | Path, number: int | None, unnamed: str) -> Sentence | tuple[str, str]:
    """Returns the tokenised sentence, or the text and its id, that a JSON value describes.

    The id of a value without one is `unnamed`.
    """
    fail = partial(_fail, path, number)
    if isinstance(obj, list):
        if not all(isinstance(token, str) for token in obj):
            raise fail(f"an array that is not of strings ({show(obj)})")
        obj = {"tokens": obj}
    if not isinstance(obj, dict) or "text" not in obj or "tokens" in obj:
        parsed = parse_sentence(obj, path, number, gold=False)
        return parsed if "id" in obj else parsed._replace(id=unnamed)
    check_keys(obj, ("text",), ("id", "text"), "a text", fail)
    name = obj.get("id", unnamed)
    if type(name) not in (int, str) or not isinstance(obj["text"], str):
        raise fail(f"id {show(name)} and text {show(obj['text'])}")
    for value in (obj["text"], str(name)):
        if not is_unicode(value):
            raise fail(f"half of a surrogate pair in {show(value)}")
    return obj["text"], str(name)
