"""Tests of digests: numbers that were changed in a way that no file format notices are refused by name."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorstore as ts

from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.checkpoint_files import Damage, damage_of, digests_of, is_whole, read_item
from tests.run.test_checkpoint import PARAMS, state_of

NUMBERS = {"a": np.arange(6, dtype=np.float32)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Returns the folder of a checkpoint."""
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, state_of(PARAMS), 50.0)
    return tmp_path / "2"


def overwrite(item: Path, array: str) -> None:
    """Writes another number into an array, as a valid file."""
    base = {"driver": "file", "path": f"{item.absolute()}/"}
    kvstore = {"driver": "ocdbt", "base": base, "path": f"{array}/"}
    stored = ts.open({"driver": "zarr", "kvstore": kvstore}).result()
    stored[0] = 3


@pytest.mark.parametrize(("item", "array"), [("params", "tag.bias"), ("optimizer", "opt_state.0.nu")])
def test_a_changed_number_is_refused_by_array_and_epoch(saved: Path, item: str, array: str) -> None:
    assert damage_of(saved, "params", "optimizer") is None
    overwrite(saved / item, array)
    found = str(damage_of(saved, "params", "optimizer"))
    name = array.replace(".", "/")
    assert found.startswith(f"{saved}/{item}: found a damaged array {name}, which has another SHA-256")


def test_a_shape_without_its_numbers_is_refused_before_memory_is_allocated(saved: Path) -> None:
    base = {"driver": "file", "path": f"{(saved / 'params').absolute()}/"}
    kvstore = {"driver": "ocdbt", "base": base, "path": "huge/"}
    huge = {"shape": [2**40], "chunks": [8], "dtype": "<f4"}
    ts.open({"driver": "zarr", "kvstore": kvstore, "metadata": huge}, create=True).result()
    found = str(damage_of(saved, "params", "optimizer"))
    assert re.search(r"2/params: found arrays of 4398046\d{6} bytes in files of \d{3,6} bytes", found)


def test_without_digests_a_checkpoint_of_an_earlier_version_is_read(saved: Path) -> None:
    shutil.rmtree(saved / "digests")
    assert not is_whole(saved)  # its description names the digests
    about = saved / "_CHECKPOINT_METADATA"
    items = json.loads(about.read_text())
    del items["item_handlers"]["digests"]
    about.write_text(json.dumps(items))
    assert is_whole(saved)
    assert damage_of(saved, "params", "optimizer") is None


def test_lost_digests_and_changed_ranks_are_damage(saved: Path) -> None:
    path = saved / "digests" / "digests.json"
    digests = json.loads(path.read_text())
    path.write_text(json.dumps({**digests, "rank": 60.0}))
    assert "found the rank 49.9" in str(damage_of(saved))
    path.write_text(json.dumps({**digests, "arrays": {"params": {**digests["arrays"]["params"], "x": "1"}}}))
    with pytest.raises(Damage, match="found no array x"):
        read_item(saved, "params")
    with pytest.raises(Damage, match="found no digests of optimizer"):
        read_item(saved, "optimizer")


def test_digests_tell_type_shape_and_numbers_apart() -> None:
    numbers = NUMBERS["a"]
    others = [numbers.astype(np.int32), numbers.reshape(2, 3), numbers + 1, numbers.view(np.int32)]
    found = [digests_of({"x": {"a": array}}, 0.0)["arrays"]["x"]["a"] for array in (numbers, *others)]
    assert len(set(found)) == 5
    assert digests_of({"x": NUMBERS}, 0.0)["arrays"]["x"]["a"] == found[0]
