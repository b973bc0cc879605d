"""Tests of 2,000 damaged corpora: each is read without loss, or refused with a message that names the place.

The tests damage pieces of the real files at random, the same way in every run, in all three formats. A
damaged file has only two valid outcomes. If it is read, an independent reading of the file must find every
sentence, token, tag and relation in the result or among the oddities. If it is refused, the InputError must
name the file, and the line unless the whole file is wrong. Another exception, a silent loss or a hang fails.
"""

import ast
import json
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cman_jax.data.corpus import read_jsonl, to_json
from cman_jax.data.formats.bekoulis import DUPLICATE, OUTSIDE, SELF, read_columns
from cman_jax.data.formats.oddities import Oddity
from cman_jax.data.formats.spert import read_spert
from cman_jax.errors import InputError
from cman_jax.types import Sentence

BLOCKS, CASES_PER_BLOCK = 7, 96  # 3 formats x 7 x 96 = 2,016 cases
SECONDS_PER_CASE = 20.0
WHOLE_FILE = ("an empty file", "no line '#doc ID'", "an empty array")
LOSSES = (OUTSIDE, SELF, DUPLICATE)

NASTY = [
    *(
        b"",
        b" ",
        b"\0",
        b"\n",
        b"\r",
        b"\t",
        b"\n\n",
        b"#doc ",
        b"#doc 1",
        b"N",
        b"['N']",
        b"[0]",
        b"O",
        b"I-Loc",
    ),
    *(
        b"-1",
        b"0",
        b"1",
        b"7",
        b"0.5",
        b"1e999",
        b"NaN",
        b"true",
        b"null",
        b'"',
        b"'",
        b"[]",
        b"{}",
        b'""',
        b"\\",
    ),
    *("\u2028".encode(), "\u00a0".encode(), "\ufeff".encode(), "\U0001f9ea".encode(), "٣".encode()),
    *(
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b'"\\ud800"',
        b"\\u0000",
        b"9" * 30,
        b"9" * 5000,
        b"[" * 900 + b"]" * 900,
    ),
    *(b"[" * 20_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"__import__('os')", b"['N', 'Kill']", b"[0, 1]"),
]


# A tag, a type or a number: values that can replace each other.
VALUE = re.compile(
    rb"(?<=\t)(?:O|[BI]-[A-Z][a-z]+)(?=\t)|(?<=')[A-Z]\w*(?=')|(?<=\")[A-Z]\w*(?=\")|(?<=[ [])\d+(?=[],}])"
)


def damage(content: bytes, rng: random.Random) -> bytes:
    """Damages the content once at random: its bytes, its fields or its values."""
    return rng.choice([damage_bytes, damage_fields, damage_values, damage_values])(content, rng)


def damage_bytes(content: bytes, rng: random.Random) -> bytes:
    """Flips a bit, or deletes, repeats, truncates or inserts bytes, at a random place."""
    start = rng.randrange(len(content) + 1)
    end = min(len(content), start + rng.choice([1, 2, 5, 40, 400]))
    flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in content[start : start + 1])
    middle, rest = rng.choice(
        [
            (flipped, content[start + 1 :]),
            (b"", content[end:]),
            (content[start:end], content[start:]),
            (b"", b""),
            (rng.choice(NASTY), content[start:]),
        ]
    )
    return content[:start] + middle + rest


def damage_fields(content: bytes, rng: random.Random) -> bytes:
    """Swaps, replaces, repeats or removes lines or cells."""
    separator = rng.choice([b"\n", b"\t"] if b"\t" in content else [b"\n", b", ", b": ", b'"'])
    fields = content.split(separator)
    one, other = rng.randrange(len(fields)), rng.randrange(len(fields))
    accident = rng.randrange(4)
    if accident == 0:
        fields[one], fields[other] = fields[other], fields[one]
    elif accident == 1:
        fields[one] = rng.choice(NASTY)
    elif accident == 2:
        fields.insert(one, fields[other])
    else:
        fields.pop(one)
    return separator.join(fields)


def damage_values(content: bytes, rng: random.Random) -> bytes:
    """Replaces a tag, a type or a number by another of the same kind, so that the file stays well-formed."""
    values = list(VALUE.finditer(content))
    if not values:
        return content
    one = rng.choice(values)
    other = rng.choice([value for value in values if value[0].isdigit() == one[0].isdigit()])
    return content[: one.start()] + other[0] + content[one.end() :]


Reading = tuple[list[Sentence], list[Oddity]]


def account_for_columns(text: str, reading: Reading) -> None:
    """Raises AssertionError unless the result has every header, token, non-O tag and relation of the file."""
    sentences, oddities = reading
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    rows = [line.split("\t") for line in lines if not line.startswith("#doc")]
    assert [s.id for s in sentences] == [line[5:] for line in lines if line.startswith("#doc")]
    assert [token for s in sentences for token in s.tokens] == [row[1] for row in rows]
    covered = sum(entity.end - entity.start for s in sentences for entity in s.entities)
    assert covered == sum(row[2] != "O" for row in rows)
    stated = sum(name != "N" for row in rows for name in ast.literal_eval(row[3]))
    dropped = sum(oddity.kind in LOSSES for oddity in oddities)
    assert sum(len(s.relations) for s in sentences) + dropped == stated


def account_for_spert(text: str, reading: Reading) -> None:
    """Raises AssertionError unless the result has every item of the array without changes."""
    expected = []
    for item in json.loads(text):
        relations = [
            {"subject": r["head"], "object": r["tail"], "type": r["type"]} for r in item["relations"]
        ]
        expected.append({**item, "relations": relations, "id": str(item["orig_id"])})
        del expected[-1]["orig_id"]
    assert [to_json(sentence) for sentence in reading[0]] == expected


def account_for_jsonl(text: str, reading: Reading) -> None:
    """Raises AssertionError unless the result has every line without changes."""
    lines = text.removesuffix("\n").split("\n")
    assert [to_json(sentence) for sentence in reading[0]] == [json.loads(line) for line in lines]


def read_canonical(path: str | Path) -> Reading:
    return read_jsonl(path), []


Format = tuple[Callable[[str | Path], Reading], Callable[[str, Reading], None], bytes]


@pytest.fixture(scope="module")
def formats(shared_data: Path) -> dict[str, Format]:
    """Returns for each format its reader, its check for losses, and five sentences of CoNLL04."""
    documents = (shared_data / "conll04" / "bekoulis" / "dev.txt").read_text().split("#doc")[1:6]
    items = json.loads((shared_data / "conll04" / "spert" / "conll04_dev.json").read_text())[:5]
    columns = "".join("#doc" + document for document in documents).encode()
    spert = json.dumps(items).encode()
    return {
        "columns": (read_columns, account_for_columns, columns),
        "spert": (read_spert, account_for_spert, spert),
        "jsonl": (read_canonical, account_for_jsonl, as_jsonl(items)),
    }


def as_jsonl(items: list[dict[str, Any]]) -> bytes:
    """Converts SpERT's sentences to the canonical format, independently of the library."""
    lines = []
    for item in items:
        relations = [
            {"subject": r["head"], "object": r["tail"], "type": r["type"]} for r in item["relations"]
        ]
        changed = {"id": str(item["orig_id"]), "relations": relations}
        lines.append(
            json.dumps(
                {key: changed.get(key, item.get(key)) for key in ("id", "tokens", "entities", "relations")}
            )
        )
    return "\n".join(lines).encode() + b"\n"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises AssertionError inside the context after this number of seconds."""

    def stop(signum: int, frame: object) -> None:
        raise AssertionError(f"still reading after {seconds} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def check_refusal(error: InputError, path: Path, content: bytes) -> None:
    """Raises AssertionError unless the error is one line that names the file and a line in it."""
    assert re.fullmatch(re.escape(str(path)) + r"(:\d+)?: found .+, expected .+", str(error))
    assert len(str(error)) < 600
    if error.line is None:
        assert error.found in WHOLE_FILE
    else:
        assert 1 <= error.line <= content.count(b"\n") + 1


def outcome(content: bytes, path: Path, form: Format) -> str:
    """Reads the content, checks the outcome, and returns "read" or "refused"."""
    read, account_for, _ = form
    path.write_bytes(content)
    try:
        with time_limit(SECONDS_PER_CASE):
            reading = read(path)
    except InputError as error:
        check_refusal(error, path, content)
        return "refused"
    account_for(content.decode(), reading)
    return "read"


@pytest.mark.parametrize("name", ["columns", "spert", "jsonl"])
def test_the_undamaged_pieces_are_read(name: str, formats: dict[str, Format], tmp_path: Path) -> None:
    assert outcome(formats[name][2], tmp_path / "whole", formats[name]) == "read"


@pytest.mark.parametrize("block", range(BLOCKS))
@pytest.mark.parametrize("name", ["columns", "spert", "jsonl"])
def test_damaged_files(name: str, block: int, formats: dict[str, Format], tmp_path: Path) -> None:
    outcomes = set()
    for case in range(block * CASES_PER_BLOCK, (block + 1) * CASES_PER_BLOCK):
        rng = random.Random(f"{name} {case}")
        content = formats[name][2]
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            content = damage(content, rng)
        try:
            outcomes.add(outcome(content, tmp_path / "damaged", formats[name]))
        except BaseException as error:
            error.add_note(f"case {case} of {name}: {tmp_path / 'damaged'}")
            raise
    assert outcomes == {"read", "refused"}  # the damage is neither always harmless nor always fatal


@pytest.mark.parametrize("field", range(5))
def test_a_damaged_cell_is_refused_with_its_line(
    field: int, formats: dict[str, Format], tmp_path: Path
) -> None:
    lines = formats["columns"][2].decode().split("\n")
    rng = random.Random(field)
    for _ in range(20):
        line = rng.choice([number for number, text in enumerate(lines) if "\t" in text])
        cells = lines[line].split("\t")
        cells[field] = "\0"
        path = tmp_path / "damaged"
        path.write_text("\n".join([*lines[:line], "\t".join(cells), *lines[line + 1 :]]))
        with pytest.raises(InputError) as caught:
            read_columns(path)
        assert caught.value.line == line + 1
