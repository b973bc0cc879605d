"""Tests of damaged runs: each file is damaged in turn, and no damage changes a result without a word."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.run.calibration import Calibration, Platt, write_entry
from cman_jax.run.checkpoint import Checkpoints, saved_epochs
from cman_jax.run.manifest import read_updated_json, update_json
from cman_jax.run.record import best_epoch, read_metrics
from cman_jax.run.recovery import recover
from cman_jax.run.system import System
from cman_jax.training.loop import train
from cman_jax.training.open_run import open_run
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from tests.builders import SENTENCES, tiny_config

EPOCHS = 6
SCORES = {"dev": {"epoch": 1}}
SPLITS = {"train": SENTENCES, "dev": SENTENCES}


def config_of(num_epochs: int = EPOCHS) -> Config:
    """Returns a small config, which learns fast enough for dev scores that rise and fall."""
    config = tiny_config()
    config.training = dataclasses.replace(config.training, num_epochs=num_epochs, learning_rate=0.05)
    return config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of a finished run with all its files."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    train(config_of(), SPLITS, folder)
    fitted = Calibration(ner=Platt(0.5, 0.1))
    parts = {task: part._asdict() for task, part in fitted._asdict().items()}
    write_entry(folder, "probabilities", best_epoch(read_metrics(folder)), "digest", parts)
    update_json(folder / "scores.json", SCORES)
    return folder


@pytest.fixture(scope="module")
def quick_shapes(run: Path) -> Iterator[None]:
    """Traces the network once instead of once for each damage."""
    shapes = System.load(run).param_shapes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(System, "param_shapes", lambda self: shapes)
        yield


def prediction(folder: Path) -> Any:
    """Returns everything that an extraction from a run depends on, and its scores."""
    found = Extractor.load(folder)
    return (
        (found.epoch, found.system.config, found.system.vocabs, found.constraints, found.calibration),
        read_updated_json(folder / "scores.json") or SCORES,  # missing scores are computed again
        [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(found.params)],
    )


def resumption(folder: Path) -> tuple[int, Any, str]:
    """Returns the epoch that training resumes from, the state and rows there, and what training prints."""
    system = open_run(config_of(), SPLITS, folder)
    note, directory = recover(folder, config_of()) or "", folder / "checkpoints"
    epoch = max(saved_epochs(directory), default=0)
    rows = [row for row in read_metrics(folder) if row["epoch"] <= epoch]
    if not epoch:
        return 0, rows, note
    shapes = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), system.param_shapes())
    with Checkpoints(directory, read_only=True) as checkpoints:
        state = checkpoints.restore(epoch, TrainState.start(shapes, make_optimizer(system.config.training)))
    constraints = (folder / "constraints.json").read_bytes()
    return epoch, ([np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)], rows, constraints), note


def damage(path: Path, kind: int, rng: np.random.Generator) -> None:
    """Flips a bit, truncates or deletes a file, which may be a link to another file."""
    content = bytearray(path.read_bytes())
    path.unlink()
    if kind == 0 and content:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    if kind < 2:
        path.write_bytes(content[: rng.integers(len(content))] if kind == 1 else content)


def files_of(folder: Path) -> list[tuple[Path, int]]:
    """Returns files of a run and a number from 0 to 2 for each, alike for all runs of this kind.

    Orbax' files have random names. Every second file of the best and the latest checkpoint is left out, and
    the whole checkpoint between them.
    """
    places = {path.parent for path in folder.rglob("*")} - {folder / "checkpoints" / str(EPOCHS - 1)}
    found: list[tuple[Path, int]] = []
    for place in sorted(place for place in places if str(EPOCHS - 1) not in place.parts):
        files = sorted((path.stat().st_size, path) for path in place.iterdir() if path.is_file())
        chosen = files if place == folder else files[len(found) % 2 :: 2]
        found += [(path.relative_to(folder), len(found) + k) for k, (_, path) in enumerate(chosen)]
    return [(path, number % 3) for path, number in found]


def attempt(read: Callable[[Path], Any], folder: Path) -> Any:
    """Returns what is read from a run; None: it is refused by one line."""
    try:
        return read(folder)
    except InputError as error:
        if "\n" in str(error):
            raise
        return None


def test_no_damage_of_any_file_changes_a_result_silently(
    run: Path, quick_shapes: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = files_of(run)
    assert len(files) > 25
    whole, (latest, resumed, _) = prediction(run), resumption(run)
    rng, outcomes = np.random.default_rng(0), []
    for number, (name, kind) in enumerate(files):
        folder, what = tmp_path / str(number), f"{name}, kind {kind}"
        shutil.copytree(run, folder, copy_function=os.link)
        damage(folder / name, kind, rng)
        found = attempt(prediction, folder)
        assert found in (whole, None), what
        outcomes.append("same prediction" if found else "refused prediction")
        found = attempt(resumption, folder)
        if found is None:
            outcomes.append("refused training")
        elif found[0] == latest:
            assert found[1] == resumed, what
            outcomes.append("same state")
        else:
            start = f"training resumes {f'after epoch {found[0]}' if found[0] else 'from the start'}"
            assert found[0] < latest, what
            assert start in found[2], what
            outcomes.append("older epoch")
    expected = {"same prediction", "refused prediction", "same state", "older epoch", "refused training"}
    assert set(outcomes) == expected
    assert "Traceback" not in capfd.readouterr().err


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
