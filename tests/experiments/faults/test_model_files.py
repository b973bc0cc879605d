"""Tests of damaged model files: what breaks the promise, and a short form of the campaign."""

import os
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("safetensors", reason="needs the extra encoders")
pytest.importorskip("tokenizers", reason="needs the extra encoders")
pytest.importorskip("h5py", reason="needs the extra elmo")

from experiments.faults.headers import forge
from experiments.faults.model_files import ROWS, Whole, attempt, check, prepare
from experiments.faults.model_kinds import KINDS, Peak, differing
from experiments.faults.row import Broken

ATTEMPTS = 60
NAMES = [kind.name for kind in KINDS]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Whole]:
    return prepare(tmp_path_factory.mktemp("model_files"))


def test_damaged_and_forged_files(made: list[Whole], tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(ATTEMPTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        outcomes[attempt(made, folder, random.Random(f"{ROWS[0].name} {number}"))] += 1
    assert {"refused with the file's name", "the same"} <= outcomes.keys()


def undamaged(whole: Whole, folder: Path) -> Path:
    """Writes the files of a kind."""
    for name, content in whole.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_undamaged_files_are_the_same_and_a_link_out_breaks_the_promise(
    name: str, made: list[Whole], tmp_path: Path
) -> None:
    whole = made[NAMES.index(name)]
    place = undamaged(whole, tmp_path)
    assert check(whole, place, checked=True, linked=False) == "the same"
    with pytest.raises(Broken, match=r"a link out of .* that is followed"):
        check(whole, place, checked=True, linked=True)


def test_other_numbers_break_the_promise_of_a_checksum_only(made: list[Whole], tmp_path: Path) -> None:
    whole = made[NAMES.index("glove.txt")]
    place = undamaged(whole, tmp_path)
    (place / "glove.txt").write_bytes(whole.files["glove.txt"].replace(b"1", b"2", 1))
    found = check(whole, place, checked=False, linked=False)
    assert found == "read, other numbers: the format has no checksum"
    with pytest.raises(Broken, match=r"other numbers of glove.txt in spite of its checksums"):
        check(whole, place, checked=True, linked=False)


def test_memory_is_measured() -> None:
    with Peak():
        np.zeros(2**22, np.uint8)
    assert 2**22 <= Peak.bytes < 2**22 + 2**16


def test_contents_are_compared_by_numbers_and_by_all_else() -> None:
    content = {"a": np.arange(3), "b": "text"}
    assert differing(content, {"a": np.arange(3), "b": "text"}) == ""
    assert differing(content, {"a": np.arange(3) * 2, "b": "text"}) == "numbers"
    assert differing(content, {"a": np.arange(4), "b": "text"}) == "content"
    assert differing(content, {"a": np.arange(3), "b": "test"}) == "content"
    assert differing(content, {"b": "text"}) == "content"


@pytest.mark.parametrize("suffix", [".safetensors", ".npy", ".json", ".index", ".hdf5", ".txt"])
def test_forged_headers_differ_from_whole_ones(suffix: str, made: list[Whole], tmp_path: Path) -> None:
    whole = next(whole for whole in made if any(name.endswith(suffix) for name in whole.files))
    name = next(name for name in whole.files if name.endswith(suffix))
    changed = 0
    for number in range(8):
        path = tmp_path / f"{number}{os.path.splitext(name)[1]}"
        path.write_bytes(whole.files[name])
        forge(path, random.Random(number))
        changed += path.read_bytes() != whole.files[name]
    assert changed >= 6
