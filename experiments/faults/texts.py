"""Odd texts, and input that is no text, for a trained network: as a file or as standard input.

Every line before a bad line has its records. The error names the bad line, and nothing behind it is read.
"""

import io
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.app import outputs
from cman_jax.compilation import start
from cman_jax.data.arrival import groups_of
from cman_jax.data.inputs import input_documents
from cman_jax.data.text import Document, from_tokens
from cman_jax.errors import InputError
from cman_jax.files import json_text
from cman_jax.inference.chunks import CHUNK
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.record import Record
from cman_jax.memory import peak_memory
from cman_jax.types import Sentence
from experiments.faults.row import Row, demand, refused
from experiments.faults.workplace import Workplace, run

MOST_MEMORY = 4 * 2**30
"""Bytes that the process may have needed at any time, with the network, its programs and all of the input."""

_ODD = (
    *("", " ", "\t", "\u00a0", "\u3000", "\r", "\v\f", "\0", "a\0b", "\x1b[31mred\x1b[0m", "\x7f", "\ufeff"),
    *("\u2028", "\u2029", "\x85", "\x1c", "\u200b", "\u00ad", "e\u0301\u0301\u0301", "\ufffd", "\U0010ffff"),
    *("\U0001f9ea", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7", "\u2764\ufe0f"),
    *("\u05d9\u05e2\u05dc \u05d2\u05e8\u05d4 \u05d1\u05d7\u05d9\u05e4\u05d4.", "\u202egnirts\u202c"),
    *("<script>alert('x')</script>", "<b>Ann</b> &amp; Bob", "]]>", "{{7*7}}", "${x}", "%s%n", "'; --"),
    *("{", "[", '{"text": ', '["a", ', "[[", "#doc 1", "B-Loc", "...", "?!?!", "((((", "''", "``", '"', "\\"),
    *("Dr. Ann Lee met U.S. Sen. Bob Roe.", "Ann\u2019s \u201chome\u201d \u2014 Oslo\u2026", "can't"),
    *("Ann lives in Oslo. Bob works for Acme Corp. in Rome.", "\u4e2d\u6587\u3002", "1e999"),
    *("x" * 3000, "I. " * 50, "-" * 500),
)
_INVISIBLE = "\u00ad\u200b\u2060\ufeff"
_BAD = (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"a\xe2\x82", b"\x80")
_BAD_JSON = (
    *(b"{", b"[1, 2]", b'{"text": 5}', b'{"text": "a", "more": 1}', b'{"tokens": ["a", " "]}', b"nul"),
    *(b'"a"', b'{"text": "a", "text": "b"}', b'{"tokens": [""]}', b'{"text": NaN}', b"\xff", b"9" * 9999),
    *(b'{"id": [], "text": "a"}', b'["\\ud800"]', b'{"text": "\\ud800"}', b'{"id": "\\udfff", "text": "a"}'),
    *(b"[" * 100_000, b'{"a":' * 5000),
)


class Input(NamedTuple):
    """An input of extraction.

    Attributes:
      kind: what its lines are, "text" or "jsonl".
      lines: the lines.
      bad: the index of the first line that must be refused; None: no line must.
      texts: the text of each good line; None: a line of tokens.
      tokens: the tokens of lines of tokens, by index.
    """

    kind: str
    lines: list[bytes]
    bad: int | None
    texts: list[str | None]
    tokens: dict[int, list[str]]


def prepare(folder: Path) -> Extractor:
    """Returns a small trained network, which is trained if the folder has none."""
    workdir = folder / "run"
    if not (workdir / "scores.json").exists():
        done = run(Workplace(folder).training(workdir))
        demand(done.returncode == 0, done.stderr[-300:])
    start(folder / "compiled")
    extractor = Extractor.load(workdir)
    for number in range(6):  # compiles what most attempts need
        words = ["Ann"] * 2**number
        list(extractor.records([from_tokens(Sentence("1", tuple(words)))]))
    return extractor


def attempt(extractor: Extractor, folder: Path, rng: random.Random) -> str:
    """Extracts from an odd input, and checks every record against the input."""
    chance = rng.random()
    given = _long(rng) if chance < 0.004 else _json_lines(rng) if chance < 0.4 else _texts(rng)
    path = folder / "input"
    end = rng.choice([b"", b"\n"])
    content = b"\n".join(given.lines) + (end if given.lines[-1] else b"\n")  # an empty line needs its end
    path.write_bytes(content)
    sentences = rng.choice(["split", "split", "line"])
    pairs: list[tuple[Document, Record]] = []
    error = None
    try:
        source = rng.choice([str(path), "-"])
        pairs.extend(_extracted(extractor, source, path, given.kind, sentences))
    except InputError as caught:
        error = caught
    peak = peak_memory()
    demand(peak < MOST_MEMORY, f"{peak} bytes of memory for {len(content)} bytes of input")
    return check(given, pairs, error)


def check(given: Input, pairs: Sequence[tuple[Document, Record]], error: InputError | None) -> str:
    """Compares records with the input, and returns the outcome.

    Args:
      given: the input.
      pairs: each sentence with its record, in order.
      error: what ended the extraction.

    Raises:
      Broken: a line has no record, a record is not JSON, or offsets do not slice the text.
    """
    end = len(given.texts) if given.bad is None else given.bad
    found: dict[str, list[tuple[Document, dict[str, Any]]]] = {}
    for (document, _), line in zip(pairs, _printed(pairs), strict=True):
        found.setdefault(document.ids[0], []).append((document, _strict(line)))
    names = [str(number) for number in range(1, end + 1)]
    demand(list(found) == names, f"records of the lines {list(found)[:9]}, not of {names[:9]}")
    for number, name in enumerate(names):
        _check_line(given.texts[number], given.tokens.get(number), found[name])
    if given.bad is None:
        demand(error is None, f"a good input is refused: {error}")
        return "a record of every sentence"
    demand(error is not None, f"the bad line {given.lines[given.bad][:60]!r} is not refused")
    demand(error.line == given.bad + 1, f"an error at another line than {given.bad + 1}: {error}")
    return f"{refused(error)} with the number of the line, and records of all lines before it"


def _check_line(
    text: str | None, tokens: list[str] | None, found: Sequence[tuple[Document, dict[str, Any]]]
) -> None:
    """Compares the records of a line with its text or its tokens."""
    covered = 0
    for document, record in found:
        place, own = record["document_start"], record["text"]
        if text is None:
            demand(record["tokens"] == tokens, f"other tokens: {record['tokens'][:9]}")
        else:
            demand(text[place : place + len(own)] == own, f"a text that is not at its place: {own[:60]!r}")
            covered += len("".join(own.split()))
        demand(len(document.offsets) == len(record["tokens"]), "offsets of another number than tokens")
        last = 0
        for begin, stop in document.offsets:
            demand(last <= begin < stop <= len(own), f"the offsets {begin} to {stop} in {own[:60]!r}")
            demand(not _seen(own[last:begin]), f"characters without a token: {own[last:begin][:60]!r}")
            last = stop
        demand(not _seen(own[last:]), f"characters without a token: {own[last:][:60]!r}")
        for entity in record["entities"]:
            piece = own[entity["start_char"] : entity["end_char"]]
            demand(piece == entity["text"] != "", f"an entity that is not at its place: {entity}")
    if text is not None:
        demand(covered == len("".join(text.split())), f"characters without a sentence: {text[:60]!r}")


def _seen(text: str) -> str:
    """Returns a text without white space, and without the invisible characters that belong to no token."""
    return "".join(char for char in text if not char.isspace() and char not in _INVISIBLE)


def _extracted(
    extractor: Extractor, source: str, path: Path, kind: str, sentences: Any
) -> Iterator[tuple[Document, Record]]:
    """Yields each sentence with its record, as `cman extract` does."""
    before = sys.stdin
    with path.open("rb") as sys.stdin:  # type: ignore[assignment]
        try:
            documents = input_documents(source, kind, sentences)  # type: ignore[arg-type]
            for group in groups_of(documents, CHUNK):
                yield from zip(group, extractor.records(group), strict=True)
        finally:
            sys.stdin = before


def _printed(pairs: Sequence[tuple[Document, Record]]) -> list[bytes]:
    """Returns the lines that `cman extract` prints."""
    before, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    try:
        outputs.print_stream(pairs, "jsonl", "triples")
        return sys.stdout.buffer.getvalue().split(b"\n")[:-1]  # type: ignore[attr-defined]
    finally:
        sys.stdout = before


def _strict(line: bytes) -> dict[str, Any]:
    """Returns the value of a line that must be JSON by the letter of its standard."""

    def refuse(name: str) -> None:
        demand(False, f"{name} in JSON")

    return json.loads(line.decode(), parse_constant=refuse)


def _texts(rng: random.Random) -> Input:
    """Returns lines of raw text, some of which may be no text."""
    number = rng.choice([1, 3, 9])
    texts = ["".join(rng.choices(_ODD, k=rng.choice([1, 1, 2, 5])))[:6000] for _ in range(number)]
    texts = [text.removesuffix("\r") for text in texts]  # a line may end so
    texts[0] = texts[0].lstrip("\ufeff")  # a file may begin so
    return _with_bad("text", [text.encode() for text in texts], list(texts), {}, _BAD, rng)


def _json_lines(rng: random.Random) -> Input:
    """Returns lines of JSON, some of which may be bad."""
    lines, texts, tokens = [], [], {}
    for number in range(rng.choice([1, 3, 9])):
        text = "".join(rng.choices(_ODD, k=rng.choice([1, 2, 4])))[:6000]
        words = text.replace("\0", "").split()  # a token may not contain NUL
        if words and rng.random() < 0.4:
            tokens[number] = words
            lines.append(json_text(words if rng.random() < 0.5 else {"tokens": words}).encode())
        else:
            lines.append(json_text({"text": text}, ensure_ascii=rng.random() < 0.5).encode())
        texts.append(None if number in tokens else text)
    return _with_bad("jsonl", lines, texts, tokens, _BAD_JSON, rng)


def _with_bad(
    kind: str,
    lines: list[bytes],
    texts: list[str | None],
    tokens: dict[int, list[str]],
    bad: Sequence[bytes],
    rng: random.Random,
) -> Input:
    """Returns lines of which a random one is replaced by a bad one, or none."""
    if rng.random() < 0.6:
        return Input(kind, lines, None, texts, tokens)
    place = rng.randrange(len(lines))
    lines[place] = rng.choice(bad)
    return Input(kind, lines, place, texts, tokens)


def _long(rng: random.Random) -> Input:
    """Returns a line of a megabyte, or a sentence of 10,000 tokens."""
    if rng.random() < 0.5:
        words = [rng.choice(["Ann", "of", "Oslo", "\U0001f9ea", "-"]) for _ in range(10_000)]
        return Input("jsonl", [json_text(words).encode()], None, [None], {0: words})
    piece = rng.choice(["x", "Ann Lee lives in Oslo. ", "<b>\u05d9\u05e2\u05dc</b> lives. "])
    text = piece * (2**20 // len(piece.encode()))
    return Input("text", [text.encode()], None, [text], {})


ROWS = (
    Row(
        "texts",
        "odd text to extract (empty, 1 MB line, 10,000 tokens, emoji, right-to-left, NUL, markup, invalid "
        "UTF-8)",
        2_000,
        "valid JSON, offsets that slice, a record of every sentence before a bad line, which is named; "
        "under 4 GiB of memory, no hang over 300 s",
        prepare,
        attempt,
        seconds=300.0,
    ),
)
