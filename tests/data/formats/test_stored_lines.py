"""Tests of canonical files that stay on disk: the same sentences and errors in less memory."""

import gc
import json
import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cman_jax.data.corpus import to_json, write_jsonl
from cman_jax.data.formats import stored_lines
from cman_jax.data.formats.canonical import read_canonical
from cman_jax.data.formats.stored_lines import open_canonical
from cman_jax.data.summary import summarise
from cman_jax.errors import InputError
from cman_jax.types import Sentence
from tests.builders import SENTENCES

LINES = [json.dumps(to_json(sentence)).encode() for sentence in SENTENCES]
ODD = Sentence("o", ("\N{KELVIN SIGN}", "é"))
ENTITY = {"start": 0, "end": 1, "type": "X"}
TWICE = json.dumps({**to_json(ODD), "entities": [ENTITY, ENTITY]}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"\n".join(LINES),
        b"\n".join(LINES) + b"\n",
        b"\r\n".join(LINES) + b"\r\n",
        b"\xef\xbb\xbf" + b"\n".join([*LINES, TWICE]),
    ],
    ids=["no last line end", "line ends", "Windows", "byte order mark"],
)
@pytest.mark.parametrize("block", [7, 2**22])
def test_the_reading_is_that_of_memory(
    content: bytes, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_lines, "_BLOCK", block)
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    ours, theirs = open_canonical(path), read_canonical(path)
    assert list(ours.sentences) == theirs.sentences
    assert ours.oddities == theirs.oddities
    assert list(ours.documents) == ours.documents[:] == theirs.documents
    assert ours.sentences.summary.digest == summarise(theirs.sentences).digest


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        LINES[0] + b"\n\n" + LINES[1],
        LINES[0] + b"\n" + LINES[1].replace(b'"tokens"', b'"words"'),
        LINES[0] + b"\n\xff",
        LINES[0] + b"\n" + LINES[1] + b"\n" + LINES[0],
        b"\n".join([LINES[0], *LINES[1:], LINES[2], LINES[1]]),
        b"\n".join([LINES[0], LINES[1], LINES[0], b"{bad"]),
        LINES[0][:-1] + b', "document": "d"}',
    ],
    ids=[
        "JSON",
        "empty line",
        "keys",
        "UTF-8",
        "id twice",
        "two ids twice",
        "twice, then JSON",
        "unknown key",
    ],
)
def test_the_errors_are_those_of_memory(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)
    messages = []
    for read in (open_canonical, read_canonical):
        with pytest.raises(InputError) as caught:
            read(path)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    with pytest.raises(InputError, match=r"train.jsonl: found no sentence, expected at least one"):
        open_canonical(tmp_path / "train.jsonl")


def test_a_file_that_takes_the_place_is_not_read_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    write_jsonl(path, SENTENCES)
    sentences = open_canonical(path).sentences
    write_jsonl(path, SENTENCES[:1])
    assert list(sentences) == list(SENTENCES)
    sentences = open_canonical(path).sentences
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eva"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    with pytest.raises(InputError, match="found a file that was changed while it was read"):
        sentences[0]


def test_it_is_not_pickled(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", SENTENCES)
    with pytest.raises(TypeError, match=r"train\.jsonl stays on disk and cannot be pickled"):
        pickle.dumps(open_canonical(tmp_path / "train.jsonl").sentences)


def bytes_held(make: Any) -> int:
    """Returns the bytes that the result of a function holds in memory."""
    tracemalloc.start()
    result = make()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return held


def test_a_sentence_takes_no_more_memory_than_its_place_length_and_id_hash(tmp_path: Path) -> None:
    path, held = tmp_path / "train.jsonl", []
    for count in (400, 400, 1600):  # the first time, caches are filled
        write_jsonl(path, (s._replace(id=f"{k}-{s.id}") for k in range(count // 4) for s in SENTENCES))
        held.append([bytes_held(lambda read=read: read(path)) for read in (open_canonical, read_canonical)])
    on_disk, in_memory = (np.array(held[2]) - held[1]) / 1200
    assert on_disk < 24
    assert in_memory > 500
