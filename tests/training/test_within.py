"""Tests of files in the middle of an epoch: read as written, and refused if damaged or of another network."""

from pathlib import Path

import jax
import numpy as np
import pytest

from cman_jax.config import TrainingConfig
from cman_jax.errors import InputError
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from cman_jax.training.within import Times, Within, load_within, remove_within, save_within, steps_saved
from tests.builders import normal


def state_of(width: int = 3) -> TrainState:
    """Returns a state of a small network."""
    params = {"tag": {"bias": normal(0, width), "kernel": normal(1, 2, width)}}
    return TrainState.start(params, make_optimizer(TrainingConfig()))


def part_of(epoch: int, steps: int) -> Within:
    """Returns a run after some steps, one of which has a loss that is not finite."""
    metrics = normal(2, 5, steps)
    metrics[0, 0] = np.nan
    return Within(epoch, state_of(), metrics, Times(1.25, 0.5, 0.25))


def test_what_is_saved_is_read_bit_by_bit(tmp_path: Path) -> None:
    part = part_of(3, 7)
    assert save_within(tmp_path, part) == tmp_path / "within_epoch" / "3_7.npz"
    found = load_within(tmp_path, 3, 7, jax.tree.map(np.zeros_like, state_of()))
    assert (found.epoch, found.times) == (3, Times(1.25, 0.5, 0.25))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(part), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("place", [0, 70, 400, -1])
def test_damage_is_refused(tmp_path: Path, place: int) -> None:
    path = save_within(tmp_path, part_of(3, 7))
    whole = bytearray(path.read_bytes())
    flipped = whole.copy()
    flipped[place] ^= 1
    for damaged in (flipped, whole[: len(whole) + place if place < 0 else place]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"3_7.npz: found a damaged file"):
            load_within(tmp_path, 3, 7, state_of())


def test_another_network_is_refused(tmp_path: Path) -> None:
    save_within(tmp_path, part_of(3, 7))
    with pytest.raises(InputError, match=r"3_7.npz: found another params/tag/bias"):
        load_within(tmp_path, 3, 7, state_of(4))


def test_files_of_finished_epochs_are_removed(tmp_path: Path) -> None:
    files = [
        save_within(tmp_path, part_of(epoch, steps)) for epoch, steps in ((2, 9), (3, 7), (3, 8), (4, 1))
    ]
    assert steps_saved(tmp_path, 3) == {7, 8}
    remove_within(tmp_path, 3, keep=files[2])
    assert (steps_saved(tmp_path, 2), steps_saved(tmp_path, 3), steps_saved(tmp_path, 4)) == (set(), {8}, {1})
    remove_within(tmp_path, 4)
    assert not (tmp_path / "within_epoch").exists()
    assert steps_saved(tmp_path, 4) == set()
