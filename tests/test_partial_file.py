"""Tests that an interrupted output is continued to the same bytes, or refused."""

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.partial_file import PartialFile

ABOUT = {"input": "in.txt"}
LINES = [b"line %d\n" % k for k in range(10)]


def write(path: Path, stop: int, resume: bool = False, lines: Sequence[bytes] = LINES) -> None:
    """Writes lines up to `stop`, keeping every third one, and is interrupted unless that is all."""
    with PartialFile(path, ABOUT, resume) as file:
        for number, line in enumerate(lines[file.items :], file.items + 1):
            if number > stop:
                raise KeyboardInterrupt
            file.write(line)
            if number % 3 == 0:
                file.keep(number)


@pytest.mark.parametrize("stops", [(0,), (2,), (3,), (7,), (1, 4, 9)])
def test_an_interrupted_output_is_continued_to_the_same_bytes(stops: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "sub" / "out"
    for k, stop in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            write(path, stop, resume=k > 0)
        assert not path.exists()
    write(path, 10, resume=True)
    assert path.read_bytes() == b"".join(LINES)
    assert [each.name for each in path.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("seed", range(20))
def test_a_record_that_was_cut_anywhere_is_written_again(seed: int, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 8)
    partial = tmp_path / "out.partial"
    kept = len(b"".join(LINES[:6]))
    os.truncate(partial, random.Random(seed).randint(kept, partial.stat().st_size))
    write(tmp_path / "out", 10, resume=True)
    assert (tmp_path / "out").read_bytes() == b"".join(LINES)


def test_a_new_output_forgets_the_old_one_before_its_first_byte(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 7)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 2, lines=[line * 10 for line in LINES])
    write(tmp_path / "out", 10, resume=True)
    assert (tmp_path / "out").read_bytes() == b"".join(LINES)


def test_a_second_writer_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with PartialFile(tmp_path / "out", ABOUT, resume=False) as file:
        file.write(LINES[0])
        file.keep(1)
        for resume in (False, True):
            with pytest.raises(
                InputError, match=r"out: found an output that is being written \(process \d+ on"
            ):
                PartialFile(tmp_path / "out", ABOUT, resume)
        file.write(LINES[1])
    assert (tmp_path / "out").read_bytes() == LINES[0] + LINES[1]


def test_a_folder_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match="found a folder or a device, expected a file to write"):
            PartialFile(path, ABOUT, resume=False)


def test_without_resume_the_output_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 7)
    write(tmp_path / "out", 10)
    assert (tmp_path / "out").read_bytes() == b"".join(LINES)


def test_an_output_of_something_else_and_a_damaged_output_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 7)
    with pytest.raises(InputError, match="found an interrupted output with another input, expected the same"):
        PartialFile(tmp_path / "out", {"input": "other"}, resume=True)
    (tmp_path / "out.partial").write_bytes(b"x")
    with pytest.raises(InputError, match="found less than was written"):
        PartialFile(tmp_path / "out", ABOUT, resume=True)
    whole = {"about": ABOUT, "items": 3, "bytes": 1}
    for damaged in ({"items": 3}, {**whole, "items": "3"}, {**whole, "bytes": -1}, {**whole, "about": []}):
        (tmp_path / "out.partial.json").write_text(json.dumps(damaged))
        with pytest.raises(InputError, match="found other keys or values"):
            PartialFile(tmp_path / "out", ABOUT, resume=True)
