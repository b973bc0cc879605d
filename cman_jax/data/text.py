"""The conversion of raw text to tokens with character offsets, and of annotations back to the text."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.treebank import treebank_tokens
from cman_jax.errors import InputError
from cman_jax.files import decode_line, parse_json, show
from cman_jax.types import Sentence

_BEGINS_JSON = re.compile(r"\s*(\{|\[\s*([\"\[{\]]|$))")
_EXPECTED = (
    'one sentence per line, {"tokens": ["Ann", "left"]} or ["Ann", "left"]; or the format text, for raw text'
)


class Document(NamedTuple):
    """A sentence with the text that it comes from.

    A token is the straight form of its piece of the text (see `treebank`), or the piece itself.

    Attributes:
      sentence: the tokens, without an annotation.
      text: the text.
      offsets: for each token, the index of its first character and the index after its last character.
    """

    sentence: Sentence
    text: str
    offsets: tuple[tuple[int, int], ...]


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


def from_tokens(sentence: Sentence) -> Document:
    """Returns a tokenised sentence with its text: the tokens, joined by single spaces."""
    offsets, position = [], 0
    for token in sentence.tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return Document(sentence, " ".join(sentence.tokens), tuple(offsets))


def parse_documents(
    lines: Iterable[bytes], path: str | Path, kind: Literal["auto", "text", "jsonl"]
) -> Iterator[Document]:
    """Yields one document per line, blank lines included, so that output lines match input lines.

    A line of JSON is an object of the canonical format, of which only `tokens` is required, or an array of
    the tokens. The line number is the id of a line without an id.

    Args:
      lines: UTF-8 lines, with or without their ends.
      path: the file of the lines, for error messages.
      kind: whether the lines are raw text or JSON. "auto" looks at the first line that is not blank. The
        lines are JSON if that line begins with "{", or with "[" and then a quote, a bracket, a brace or the
        line's end.

    Raises:
      InputError: a line is not valid UTF-8, is not JSON of this form, or has the id of an earlier line.
    """
    line_of: dict[str, int] = {}
    for number, raw in enumerate(lines, 1):
        line = decode_line(raw, path, number)
        if kind == "auto" and line.strip():
            kind = "jsonl" if _BEGINS_JSON.match(line) else "text"
        if not line.strip():
            document = Document(Sentence(str(number), ()), line, ())
        elif kind == "jsonl":
            document = from_tokens(_parse_line(line, path, number))
        else:
            document = from_text(line, str(number))
        name = document.sentence.id
        if kind != "text" and line_of.setdefault(name, number) != number:  # ids of text are distinct numbers
            found = f"id {show(name)} of line {line_of[name]} again (a line without an id has its number)"
            raise InputError(path, number, found, "ids that occur once: give every line an id, or none")
        yield document


def _parse_line(line: str, path: str | Path, number: int) -> Sentence:
    """Returns the tokenised sentence that a line of JSON describes."""

    def fail(found: str, _: str = "") -> InputError:
        return InputError(path, number, found, _EXPECTED)

    obj = parse_json(line, fail)
    if isinstance(obj, list):
        if not all(isinstance(token, str) for token in obj):
            raise fail(f"an array that is not of strings ({show(obj)})")
        obj = {"tokens": obj}
    return parse_sentence(obj, path, number, gold=False)
