"""Tests of checkpoints: states are restored as saved; other networks and damaged files are refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.run.checkpoint import Checkpoints, saved_epochs
from cman_jax.run.record import best_epoch
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from cman_jax.types import Params

PARAMS = {"tag": {"bias": np.zeros(4, np.float32), "kernel": np.ones((3, 4), np.float32)}}
WIDER = {"tag": {**PARAMS["tag"], "kernel": np.ones((3, 5), np.float32)}}
RENAMED = {"tagger": PARAMS["tag"]}


def state_of(params: Params) -> TrainState:
    """Returns the state after 7 steps with these parameters."""
    params = jax.tree.map(jnp.asarray, params)
    return TrainState.start(params, make_optimizer(Config().training))._replace(step=jnp.int32(7))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Returns a folder with a checkpoint of `PARAMS` after epoch 2."""
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, state_of(PARAMS), 50.0)
    return tmp_path


def test_the_whole_state_is_restored(saved: Path) -> None:
    fresh = jax.tree.map(jnp.zeros_like, state_of(PARAMS))
    with Checkpoints(saved) as checkpoints:
        assert checkpoints.latest_epoch() == 2
        state = checkpoints.restore(2, fresh)
    jax.tree.map(np.testing.assert_array_equal, state, state_of(PARAMS))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (WIDER, r"1 in all: tag/kernel \(3, 4\), expected tag/kernel \(3, 5\)"),
        (
            RENAMED,
            r"4 in all: tag/bias \(4,\), tag/kernel \(3, 4\), no tagger/bias, "
            r"expected no tag/bias, no tag/kernel, tagger/bias \(4,\)",
        ),
    ],
)
def test_another_network_is_refused_by_its_arrays(saved: Path, params: Params, message: str) -> None:
    with Checkpoints(saved, read_only=True) as checkpoints:
        for restore in (
            lambda: checkpoints.restore_params(2, params),
            lambda: checkpoints.restore(2, state_of(params)),
        ):
            with pytest.raises(
                InputError, match=f"{saved}/2/params: found arrays of another network, {message}"
            ):
                restore()


def test_another_optimizer_is_refused_by_its_arrays(saved: Path) -> None:
    state = state_of(PARAMS)._replace(opt_state=state_of(WIDER).opt_state)
    with (
        Checkpoints(saved, read_only=True) as checkpoints,
        pytest.raises(InputError, match=r"2/optimizer: .* opt_state/0/mu \(16,\)"),
    ):
        checkpoints.restore(2, state)


def truncate(path: Path) -> None:
    """Cuts off the second half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    """Changes a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x80
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
@pytest.mark.parametrize("item", ["params", "optimizer"])
def test_damaged_arrays_are_refused_without_other_output(
    saved: Path,
    item: str,
    damage: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture,
) -> None:
    """Damages the files of the whole store; Orbax keeps more, which describe the process that wrote."""
    folder = saved / "2" / item
    files = [folder / "manifest.ocdbt", *(folder / "d").iterdir()]
    assert len(files) == 2
    for path in files:
        copy = tmp_path_factory.mktemp("damaged")
        shutil.copytree(saved, copy, dirs_exist_ok=True)
        damage(copy / path.relative_to(saved))
        with (
            Checkpoints(copy, read_only=True) as checkpoints,
            pytest.raises(
                InputError, match=f"{copy}/2/{item}: found a damaged file .* expected a checkpoint"
            ),
        ):
            checkpoints.restore(2, state_of(PARAMS))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("damage", [truncate, flip])
def test_damaged_scores_are_refused_where_they_decide_what_is_kept(
    saved: Path, damage: Callable[[Path], None]
) -> None:
    damage(saved / "2" / "metrics" / "metrics")
    with pytest.raises(InputError, match=f"{saved}: found a damaged file"):
        Checkpoints(saved)
    with Checkpoints(saved, read_only=True) as checkpoints:
        jax.tree.map(np.testing.assert_array_equal, checkpoints.restore_params(2, PARAMS), PARAMS)


def test_damage_names_the_intact_epochs_and_what_to_do(tmp_path: Path) -> None:
    with Checkpoints(tmp_path) as checkpoints:
        for epoch in (1, 2, 3):
            checkpoints.save(epoch, state_of(PARAMS), 10.0 * epoch)
    truncate(tmp_path / "3" / "params" / "manifest.ocdbt")
    (tmp_path / "2" / "params" / "manifest.ocdbt").unlink()
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.epochs() == [3]  # a checkpoint that lacks files is not listed
        expected = "no other epoch is intact; start the same training again, which computes epoch 3, or copy"
        with pytest.raises(InputError, match=expected):
            checkpoints.restore_params(3, PARAMS)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(7, state_of(PARAMS), 5.0)
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.latest_epoch() == 7
        with pytest.raises(InputError, match="; intact epochs: 7; start the same training again"):
            checkpoints.restore_params(3, PARAMS)


def test_a_score_that_is_not_a_number_is_never_the_best(tmp_path: Path) -> None:
    with Checkpoints(tmp_path) as checkpoints:
        for epoch, score in enumerate((0.0, float("nan"), float("inf"), float("nan"), -0.0), 1):
            checkpoints.save(epoch, state_of(PARAMS), score)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(6, state_of(PARAMS), 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "5", "6"]
    for path in tmp_path.rglob("metrics/metrics"):
        json.loads(path.read_text(), parse_constant=pytest.fail)


def test_the_epoch_that_metrics_choose_is_kept_if_scores_are_equal_up_to_rounding(tmp_path: Path) -> None:
    scores = (42.857142857142854, 42.85714285714286, 20.0, 21.0, 22.0)  # the first two are 300 / 7
    rows = [{"epoch": epoch, "selection": score} for epoch, score in enumerate(scores, 1)]
    with Checkpoints(tmp_path) as checkpoints:
        for row in rows:
            checkpoints.save(row["epoch"], state_of(PARAMS), row["selection"])
    assert best_epoch(rows) == 1
    assert saved_epochs(tmp_path) == [1, 4, 5]


@pytest.mark.parametrize(
    "scores", [(1.0, 4.0, 2.0, 3.0, 2.5), (4.0, 1.0, 2.0, 3.0, 2.5), (1.0, 1.0, 1.0, 1.0, 9.0)]
)
def test_what_a_stop_between_save_and_deletion_leaves_goes_at_the_next_end(
    scores: tuple[float, ...], tmp_path: Path
) -> None:
    run, best = tmp_path / "run", scores.index(max(scores)) + 1
    with Checkpoints(run) as checkpoints:
        for epoch, score in enumerate(scores, 1):
            checkpoints.save(epoch, state_of(PARAMS), score)
            checkpoints._manager.wait_until_finished()
            shutil.copytree(run / str(epoch), tmp_path / "all" / str(epoch))
    kept = sorted({best, 4, 5})
    assert saved_epochs(run) == kept
    shutil.rmtree(run)
    shutil.copytree(tmp_path / "all", run)
    with Checkpoints(run) as checkpoints:
        assert checkpoints.epochs() == [1, 2, 3, 4, 5]
    assert saved_epochs(run) == kept
    assert sorted(path.name for path in run.iterdir()) == [str(epoch) for epoch in kept]


def test_another_type_of_numbers_is_refused(saved: Path) -> None:
    half = {"tag": {**PARAMS["tag"], "kernel": np.ones((3, 4), np.float16)}}
    with (
        Checkpoints(saved, read_only=True) as checkpoints,
        pytest.raises(InputError, match=r"tag/kernel \(3, 4\), expected tag/kernel \(3, 4\) float16"),
    ):
        checkpoints.restore_params(2, half)


def test_parameters_are_read_although_the_files_of_the_optimizer_are_damaged(saved: Path) -> None:
    truncate(saved / "2" / "optimizer" / "manifest.ocdbt")
    with Checkpoints(saved, read_only=True) as checkpoints:
        jax.tree.map(np.testing.assert_array_equal, checkpoints.restore_params(2, PARAMS), PARAMS)
