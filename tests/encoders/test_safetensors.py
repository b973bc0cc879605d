"""Tests of weights in shards with an index, and of weights in PyTorch's format, which are refused."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cman_jax.encoders.safetensors import INDEX, WEIGHTS, conversion, read_weights, weight_files
from cman_jax.errors import InputError
from tests.builders import normal

safetensors = pytest.importorskip("safetensors.numpy", reason="needs the extra encoders")

ARRAYS = {"a.weight": normal(0, 2, 3), "b.bias": normal(1, 4), "c.weight": normal(2, 1)}
SHAPES = {name: array.shape for name, array in ARRAYS.items()}
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def write_shards(folder: Path, weight_map: Any = None) -> None:
    """Writes two shards and their index."""
    for shard, names in zip(SHARDS, (["a.weight"], ["b.bias", "c.weight"]), strict=True):
        safetensors.save_file({name: ARRAYS[name] for name in names}, folder / shard)
    places = {"a.weight": SHARDS[0], "b.bias": SHARDS[1], "c.weight": SHARDS[1]}
    index = {"metadata": {"total_size": 44}, "weight_map": places if weight_map is None else weight_map}
    (folder / INDEX).write_text(json.dumps(index))


def test_shards_are_read_like_one_file(tmp_path: Path) -> None:
    write_shards(tmp_path)
    files = weight_files(tmp_path)
    assert [path.name for path in files] == [INDEX, *SHARDS]
    for name, array in read_weights(files, SHAPES, "").items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    safetensors.save_file(ARRAYS, tmp_path / WEIGHTS)
    assert weight_files(tmp_path) == [tmp_path / WEIGHTS]


def test_a_missing_shard_and_a_missing_array_are_named(tmp_path: Path) -> None:
    write_shards(tmp_path, {"a.weight": SHARDS[0]})
    with pytest.raises(InputError, match=rf"{INDEX}: found no array b.bias, expected one of shape \[4\]"):
        read_weights(weight_files(tmp_path), SHAPES, "")
    write_shards(tmp_path)
    (tmp_path / SHARDS[1]).unlink()
    with pytest.raises(InputError, match=rf"{SHARDS[1]}: found unreadable content"):
        read_weights(weight_files(tmp_path), SHAPES, "")


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ([], r"found weight_map = \[\], expected a JSON object"),
        (
            {"a.weight": "../model.safetensors"},
            "found the shard '../model.safetensors', expected the name of",
        ),
        ({"a.weight": "model.bin"}, "found the shard 'model.bin', expected the name of a safetensors file"),
        ({"a.weight": 1}, "found the shard 1, expected"),
    ],
)
def test_a_damaged_index_is_refused(tmp_path: Path, weight_map: Any, message: str) -> None:
    write_shards(tmp_path, weight_map)
    with pytest.raises(InputError, match=message):
        weight_files(tmp_path)


def test_weights_in_the_format_of_pytorch_are_refused_with_a_command_that_converts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    files = [folder / name for name in names]
    for file in files:
        file.write_bytes(b"")
    with pytest.raises(InputError) as error:
        weight_files(folder)
    assert "\n" not in str(error.value)
    command = conversion(folder, files)
    assert str(error.value).endswith(
        f"found no such file, but {names[0]}, expected its conversion: {command}"
    )

    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    shared = torch.tensor(ARRAYS["a.weight"])
    torch.save({"a.weight": shared, "same": shared}, files[0])
    torch.save({"b.bias": torch.tensor(ARRAYS["b.bias"]).double(), "c.weight": torch.ones(1)}, files[1])
    program, option, code, *arguments = shlex.split(command)
    assert (program, option) == ("python", "-c")
    monkeypatch.setattr(sys, "argv", ["-c", *arguments])
    exec(code, {})
    converted = read_weights(weight_files(folder), SHAPES, "")
    np.testing.assert_array_equal(converted["a.weight"], ARRAYS["a.weight"])
    np.testing.assert_array_equal(converted["b.bias"], ARRAYS["b.bias"])


def test_the_documents_have_the_same_command() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "encoders.md"
    assert conversion(Path("FOLDER"), [Path("FOLDER/pytorch_model.bin")]) in page.read_text(encoding="utf-8")
