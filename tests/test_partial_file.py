"""Tests that an interrupted output is continued to the same bytes, or refused."""

from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.partial_file import PartialFile

ABOUT = {"input": "in.txt"}
LINES = [b"line %d\n" % k for k in range(10)]


def write(path: Path, stop: int, resume: bool = False) -> None:
    """Writes lines up to `stop`, keeping every third one, and is interrupted unless that is all."""
    with PartialFile(path, ABOUT, resume) as file:
        for number, line in enumerate(LINES[file.items :], file.items + 1):
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


def test_without_resume_the_output_begins_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 7)
    write(tmp_path / "out", 10)
    assert (tmp_path / "out").read_bytes() == b"".join(LINES)


def test_an_output_of_something_else_and_a_damaged_output_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", 7)
    with pytest.raises(InputError, match=r"found an output of \{'input': 'in.txt'\}, expected"):
        PartialFile(tmp_path / "out", {"input": "other"}, resume=True)
    (tmp_path / "out.partial").write_bytes(b"x")
    with pytest.raises(InputError, match="found less than was written"):
        PartialFile(tmp_path / "out", ABOUT, resume=True)
