"""Tests of the resumption of runs whose checkpoints are damaged."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.run.checkpoint import Checkpoints, saved_epochs
from cman_jax.run.record import best_epoch, read_metrics
from cman_jax.run.recovery import recover
from cman_jax.run.system import System
from cman_jax.training.loop import train
from tests.builders import SENTENCES, tiny_config

EPOCHS = 6
SPLITS = {"train": SENTENCES, "dev": SENTENCES}


def config_of() -> Config:
    """Returns a small config, which learns fast enough for dev scores that rise and fall."""
    config = tiny_config()
    config.training = dataclasses.replace(config.training, num_epochs=EPOCHS, learning_rate=0.05)
    return config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    train(config_of(), SPLITS, folder)
    return folder


@pytest.fixture(scope="module")
def quick_shapes(run: Path) -> Iterator[None]:
    """Traces the network once instead of once for each damage."""
    shapes = System.load(run).param_shapes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(System, "param_shapes", lambda self: shapes)
        yield


def params_of(folder: Path, epoch: int) -> list[bytes]:
    """Returns the parameters of an epoch."""
    with Checkpoints(folder / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_params(epoch, System.load(folder).param_shapes())
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]


def test_training_computes_damaged_epochs_again_with_the_same_bits(
    run: Path, quick_shapes: None, tmp_path: Path
) -> None:
    kept, best = saved_epochs(run / "checkpoints"), best_epoch(read_metrics(run))
    assert kept == sorted({best, EPOCHS - 1, EPOCHS})
    assert best < EPOCHS - 1
    for damaged, start in ((EPOCHS, f"after epoch {EPOCHS - 1}"), (best, "from the start")):
        folder = tmp_path / str(damaged)
        shutil.copytree(run, folder)
        (folder / "checkpoints" / str(damaged) / "params" / "manifest.ocdbt").unlink()
        line = recover(folder, config_of())
        assert line is not None
        assert line.startswith(f"{folder}/checkpoints/{damaged}: found a checkpoint with missing files")
        assert f"; training resumes {start}, and what was saved of epochs " in line
        assert recover(folder, config_of()) is None
        assert str(damaged) in {path.name for path in (folder / "checkpoints_set_aside").iterdir()}
    resumed = tmp_path / str(EPOCHS)
    train(config_of(), SPLITS, resumed)
    assert saved_epochs(resumed / "checkpoints") == kept
    assert [params_of(resumed, epoch) for epoch in kept] == [params_of(run, epoch) for epoch in kept]
    losses = [[row["ner_loss"] for row in read_metrics(each)] for each in (resumed, run)]
    assert losses[0] == losses[1]


def test_a_missing_best_epoch_is_computed_again_too(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    best = best_epoch(read_metrics(run))
    shutil.rmtree(tmp_path / "run" / "checkpoints" / str(best))
    with pytest.raises(
        InputError, match=f"found no whole checkpoint of epoch {best}, .*intact epochs: 5, 6;"
    ):
        Extractor.load(tmp_path / "run")
    line = recover(tmp_path / "run", config_of())
    assert line is not None
    assert f"found no checkpoint of epoch {best}, the best until {EPOCHS}" in line
    assert saved_epochs(tmp_path / "run" / "checkpoints") == []
