"""Tests of the folders of prepared datasets: which one a name means, and how large its splits are."""

import json
import shutil
from pathlib import Path

import pytest

from cman_jax.data.formats.tfds_folders import Size, find_prepared, is_prepared, split_sizes
from cman_jax.errors import InputError


def test_sizes_are_those_of_all_shards(tmp_path: Path) -> None:
    splits = [
        {"name": "train", "shardLengths": ["3", "2"], "numBytes": "1200"},
        {"name": "dev", "shardLengths": ["1"]},
    ]
    info = {"splits": splits, "fileFormat": "array_record"}
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    assert split_sizes(tmp_path) == {"train": Size(5, 1200), "dev": Size(1, 0)}


def test_names_find_the_latest_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("a/x/1.0.0", "a/x/10.0.0", "a/x/9.0.0", "a/y/1.0.0", "a/x/incomplete.AB_11.0.0", "b/1.0.0"):
        for name in ("dataset_info.json", "features.json"):
            (tmp_path / path).mkdir(parents=True, exist_ok=True)
            (tmp_path / path / name).write_text("{}")
    assert find_prepared("a/x", tmp_path) == tmp_path / "a" / "x" / "10.0.0"
    assert find_prepared("a/x:9.0.0", tmp_path) == tmp_path / "a" / "x" / "9.0.0"
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert find_prepared("b", None) == tmp_path / "b" / "1.0.0"
    shutil.rmtree(tmp_path / "a" / "x")
    assert find_prepared("a", None) == tmp_path / "a" / "y" / "1.0.0"
    assert is_prepared(tmp_path / "b" / "1.0.0")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("c", "found no dataset c, expected a prepared dataset (`python -m data_prep.tfds` prepares one)"),
        ("a", "found no dataset a, but a/x:1.0.0, a/y:1.0.0, expected"),
        ("a/z", "found no dataset a/z, but a/x:1.0.0, a/y:1.0.0, expected"),
        ("a/x:2.0.0", "found no dataset a/x:2.0.0, but a/x:1.0.0"),
        ("../a", "found the dataset '../a', expected NAME, NAME/CONFIG or NAME/CONFIG:VERSION"),
    ],
)
def test_a_name_without_a_dataset_lists_what_is_there(name: str, message: str, tmp_path: Path) -> None:
    for path in ("a/x/1.0.0", "a/y/1.0.0"):
        (tmp_path / path).mkdir(parents=True)
        for file in ("dataset_info.json", "features.json"):
            (tmp_path / path / file).write_text("{}")
    with pytest.raises(InputError) as caught:
        find_prepared(name, tmp_path)
    assert message in str(caught.value)
