"""Tests of trainings that are stopped within epochs: resumed, they end with the same bits and metrics.

A small step takes the place of the network's, which the test of the commands stops and resumes.
"""

import dataclasses
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import PRNGKeyArray

from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System
from cman_jax.training import loop
from cman_jax.training.epoch import begun_within, groups_of, run_epoch
from cman_jax.training.loop import make_step, train_population
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.progress import Progress
from cman_jax.training.step import Metrics, TrainState
from cman_jax.training.stopping import Stop, Stopped
from cman_jax.training.within import steps_saved
from cman_jax.types import Batch, Constants, Params
from tests.builders import SENTENCES, normal, tiny_config

EPOCHS = 2
TRAIN = tuple(s._replace(id=f"{k}-{s.id}") for k in range(2) for s in SENTENCES)
SIZES = (8, 5)  # four and three batches


def small_step(
    model: Any,
    optimizer: Any,
    alpha: float,
    state: TrainState,
    constants: Constants,
    batch: Batch,
    key: PRNGKeyArray,
    *,
    axis_name: str | None = None,
) -> tuple[TrainState, Metrics]:
    """Moves every parameter by a number that depends on batch, key, step and all steps before."""
    words = (batch.word_ids @ jnp.arange(1, batch.word_ids.shape[1] + 1)).sum().astype(jnp.float32)
    own = words * jax.random.uniform(jax.random.fold_in(key, state.step))
    moved, total = jnp.sin(own), batch.mask.any(1).sum().astype(jnp.float32)
    if axis_name is not None:
        moved, total = jax.lax.psum((moved, total), axis_name)
    change = partial(jax.tree.map, lambda x: x if x.dtype == jnp.int32 else 0.9 * x + 0.1 * moved)
    after = TrainState(state.step + 1, change(state.params), change(state.opt_state))
    return after, Metrics(moved, moved**2, jnp.cos(moved), 2 * moved, total)


@pytest.fixture(autouse=True)
def quick_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains with the small step, from parameters that take no compilation."""

    def init_params(self: System, key: PRNGKeyArray) -> Params:
        return jax.tree.map(lambda x: jnp.asarray(np.full(x.shape, 0.1, x.dtype)), self.param_shapes())

    monkeypatch.setattr(loop, "train_step", small_step)
    monkeypatch.setattr(System, "init_params", init_params)


def jobs_in(folder: Path, num_runs: int) -> list[Job]:
    """Returns small jobs; the second has fewer batches."""
    jobs = []
    for seed in range(num_runs):
        config = tiny_config()
        settings = {"num_epochs": EPOCHS, "seed": seed, "batch_size": 2}
        config.training = dataclasses.replace(config.training, **settings)
        config.data = dataclasses.replace(config.data, min_word_count=1)
        splits = {"train": TRAIN[: SIZES[seed]], "dev": SENTENCES}
        jobs.append(Job(config, splits, folder / str(seed)))
    return jobs


class StopAfter(Progress):
    """A display that asks to stop after some batches have begun, and keeps the notes.

    Args:
      stop: is asked.
      sentences: number of sentences to begin with before that.
    """

    def __init__(self, stop: Stop, sentences: int):
        self._stop, self._left = stop, sentences
        self.notes: list[str] = []

    def note(self, *lines: str) -> None:
        self.notes += lines

    def advance(self, num_sentences: int) -> None:
        self._left -= num_sentences
        self._stop.asked = self._left <= 0


def stopped(job: Job, sentences: int) -> tuple[str, list[str]]:
    """Trains until that many sentences have begun; returns where training stopped, and its notes."""
    stop = Stop()
    progress = StopAfter(stop, sentences)
    with pytest.raises(Stopped) as end:
        train_population([job], progress=progress, stop=stop)
    return str(end.value), progress.notes


def bits(tree: Any) -> list[bytes]:
    """Returns the bytes of all numbers of a tree."""
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def without_times(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row of metrics without what the machine decides."""
    return {k: v for k, v in row.items() if "seconds" not in k and "per_second" not in k}


def result(workdir: Path) -> Any:
    """Returns the final parameters and the metrics."""
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_params(EPOCHS, System.load(workdir).param_shapes())
    return bits(params), [without_times(row) for row in read_metrics(workdir)]


@pytest.mark.parametrize(("num_runs", "num_devices"), [(2, 1), (1, 2)], ids=["population", "devices"])
def test_an_epoch_that_is_stopped_and_resumed_has_the_same_bits(
    tmp_path: Path, num_runs: int, num_devices: int
) -> None:
    with ExitStack() as stack:
        jobs = jobs_in(tmp_path, num_runs)
        members = [stack.enter_context(closing(Member(job, None, None))) for job in jobs]
        optimizer = make_optimizer(members[0].system.config.training)
        step = make_step(members, partial(small_step, members[0].system.model, optimizer), num_devices)
        starts = [{"kernel": normal(k, 2, 3)} for k in range(num_runs)]
        states, groups = [TrainState.start(x, optimizer) for x in starts], groups_of(members, 1)
        run = partial(run_epoch, step, members=members, groups=groups, epoch=1)
        whole, rows = run(step.place(states), progress=Progress(), stop=Stop())
        whole = step.fetch(whole)
        progress = StopAfter(stop := Stop(), 3 * num_runs)
        with pytest.raises(Stopped, match="stopped after 2 of 4 steps of epoch 1, which is saved"):
            run(step.place(states), progress=progress, stop=stop)
        begun = begun_within(members, groups, 1, states, progress)
        assert begun is not None
        assert [part.state.step for part in begun] == [part.metrics.shape[1] for part in begun]
        placed = step.place([part.state for part in begun])
        resumed, resumed_rows = run(placed, progress=Progress(), stop=Stop(), begun=begun)
        assert bits(step.fetch(resumed)) == bits(whole)
        assert [without_times(row) for row in resumed_rows] == [without_times(row) for row in rows]
        for before, after in zip(begun, resumed_rows, strict=True):
            assert before.times.seconds < after["seconds"] + 1e-3


def test_a_damaged_file_is_named_and_the_epoch_begins_again(tmp_path: Path) -> None:
    (whole,), (cut,) = (jobs_in(tmp_path / name, 1) for name in ("whole", "cut"))
    train_population([whole])
    assert "after 3 of 4 steps of epoch 1" in stopped(cut, 6)[0]
    assert steps_saved(cut.workdir, 1) == {3}
    (path,) = (cut.workdir / "within_epoch").iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    place, notes = stopped(cut, 3)
    assert "after 2 of 4 steps of epoch 1" in place
    (note,) = notes
    assert note.startswith(f"{path}: found a damaged file, expected ")
    train_population([cut])
    assert result(cut.workdir) == result(whole.workdir)
    assert not (cut.workdir / "within_epoch").exists()


def test_the_clock_saves_within_an_epoch_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[str] = []
    saved = Stop.saved
    monkeypatch.setattr(Stop, "saved", lambda self, place: (saves.append(place), saved(self, place))[1])
    train_population(jobs_in(tmp_path, 1), stop=Stop(save_every=1e-9))
    expected = []
    for epoch in range(1, EPOCHS + 1):
        expected += [*(f"{k} of 4 steps of epoch {epoch}" for k in (1, 2, 3)), f"epoch {epoch}"]
    assert saves == expected
    assert not (tmp_path / "0" / "within_epoch").exists()
