"""Tests of numbers that are not finite: training stops, names their place, and keeps the last checkpoint."""

import dataclasses
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.data.batching import Plan
from cman_jax.errors import InputError
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System
from cman_jax.training.history import AHEAD, History
from cman_jax.training.loop import train, train_population
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.progress import ConsoleProgress
from cman_jax.training.step import Metrics
from tests.builders import SENTENCES, tiny_config

NAN, INF = float("nan"), float("inf")
TRAIN = tuple(s._replace(id=f"{k}-{s.id}") for k in range(2) for s in SENTENCES)


def job(workdir: Path, seed: int = 0, **training: Any) -> Job:
    """Returns a small job."""
    config = tiny_config()
    settings = {"num_epochs": 3, "seed": seed, "max_skipped_updates": 0, **training}
    config.training = dataclasses.replace(config.training, **settings)
    return Job(config, {"train": TRAIN, "dev": SENTENCES}, workdir)


class Run(Member):
    """The part of a member that a history reads."""

    def __init__(self) -> None:
        pass

    max_skipped_updates = 0

    def names_of(self, plan: Plan) -> str:
        return f"sentences {plan.indices}"

    def divergence(self, found: str) -> InputError:
        return InputError("run", None, found, "finite numbers")


def metrics(**values: Any) -> Metrics:
    """Returns metrics of two runs, 1.0 unless passed."""
    fields = {**{name: [1.0, 1.0] for name in Metrics._fields}, **values}
    return Metrics(**{name: jnp.asarray(value, jnp.float32) for name, value in fields.items()})


def test_means_are_over_sentences_and_ignore_steps_in_which_a_run_has_no_batch() -> None:
    history = History([Run(), Run()], 1)
    history.add([Plan((0, 1, 2), 8), Plan((0,), 8)], metrics(ner_loss=[1, 5], num_sentences=[3, 1]))
    history.add([Plan((3,), 8), None], metrics(ner_loss=[5, NAN], num_sentences=[1, 0]))
    assert [mean["ner_loss"] for mean in history.means()] == [2.0, 5.0]


@pytest.mark.parametrize("name", [name for name in Metrics._fields if name != "num_sentences"])
@pytest.mark.parametrize("value", [NAN, INF])
def test_the_first_number_that_is_not_finite_is_named_with_its_batch(name: str, value: float) -> None:
    history = History([Run(), Run()], 7)
    history.add([Plan((0,), 8), Plan((1,), 8)], metrics())
    found = rf"run: found {name} = {value} in epoch 7, step 2, on sentences \(4, 5\), expected"
    with pytest.raises(InputError, match=found):
        end_after(history, [Plan((3,), 8), Plan((4, 5), 8)], metrics(**{name: [1.0, value]}))


def end_after(history: History, plans: list[Plan], last: Metrics) -> None:
    """Ends the epoch with this step."""
    history.add(plans, last)
    history.means()


def test_finished_steps_are_read_before_the_epoch_ends() -> None:
    history = History([Run()], 1)
    with pytest.raises(InputError, match=r"found ner_loss = nan in epoch 1, step 1, "):
        history.add([Plan((0,), 8)], jax.block_until_ready(metrics(ner_loss=[NAN, 1])))


def test_skipped_steps_do_not_count_in_the_means_and_their_number_is_returned() -> None:
    runs = [Run(), Run()]
    runs[1].max_skipped_updates = 2
    history = History(runs, 1)
    for loss, count in ((2.0, 3), (NAN, 5), (6.0, 1), (INF, 2)):
        history.add([Plan((0,), 8)] * 2, metrics(ner_loss=[1, loss], num_sentences=[1, count]))
    assert [(mean["ner_loss"], mean["skipped_updates"]) for mean in history.means()] == [(1.0, 0), (3.0, 2)]
    found = r"run: found 3 steps without an update, the last because of ner_loss = nan in epoch 1, step 5"
    with pytest.raises(InputError, match=found):
        end_after(history, [Plan((0,), 8)] * 2, metrics(ner_loss=[1, NAN]))


def test_an_epoch_without_a_finite_step_is_refused() -> None:
    run = Run()
    run.max_skipped_updates = 10
    with pytest.raises(InputError, match="run: found no step with finite losses in epoch 3, expected"):
        end_after(History([run], 3), [Plan((0,), 8)], metrics(ner_loss=[NAN, 1]))


def test_a_run_that_diverges_names_epoch_step_sentences_and_keeps_no_checkpoint_of_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        train(*job(tmp_path, learning_rate=1e30))
    line = str(error.value)
    assert "\n" not in line
    assert line.startswith(f"{tmp_path}: found ")
    assert " in epoch 1, step 2, on train sentences " in line
    assert "lower config.training.learning_rate (now 1e+30) or clip" in line
    assert "config.training.clip_norm (now 0.0, 0 = no clipping); this workdir keeps no epoch" in line
    ids = line.partition("train sentences ")[2].partition(", expected")[0].split(", ")
    assert len(ids) == 4
    assert set(ids) < {sentence.id for sentence in TRAIN}
    assert read_metrics(tmp_path) == []
    with Checkpoints(tmp_path / "checkpoints", read_only=True) as checkpoints:
        assert checkpoints.epochs() == []


def test_a_population_names_the_run(tmp_path: Path) -> None:
    jobs = [job(tmp_path / f"seed_{seed}", seed, learning_rate=1e30) for seed in range(2)]
    with pytest.raises(
        InputError, match=r"seed_[01]: found \w+ = \w+ in epoch 1, step 2, on train sentences "
    ):
        train_population(jobs)


def test_only_so_many_steps_wait_for_the_device() -> None:
    read = []

    class Running(np.ndarray):
        """The metric of a step that ends when somebody waits for it."""

        def copy_to_host_async(self) -> None:
            pass

        def is_ready(self) -> bool:
            return False

    history = History([Run()], 1)
    for step in range(AHEAD + 3):
        running = np.full(1, step, np.float32).view(Running)
        history.add([Plan((step,), 8)], Metrics(*[running] * len(Metrics._fields)))
        read.append(len(history._arrived[0]))
    assert read == [0] * AHEAD + [1, 2, 3]
    assert history.means()[0]["ner_loss"] > 0


def test_a_state_that_is_not_finite_never_becomes_a_checkpoint(tmp_path: Path) -> None:
    one = job(tmp_path)
    with closing(Member(one, None, None)) as member:
        state = member.start_after(0, make_optimizer(one.config.training))
        broken = state._replace(params=jax.tree.map(lambda x: x.at[0].set(jnp.inf), state.params))
        with pytest.raises(
            InputError, match="found parameters that are not finite after the last step of ep"
        ):
            member.end_epoch(1, broken, {})
    assert read_metrics(tmp_path) == []
    with Checkpoints(tmp_path / "checkpoints", read_only=True) as checkpoints:
        assert checkpoints.epochs() == []


def test_skipped_updates_are_counted_and_too_many_end_a_run_that_keeps_its_last_good_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each epoch has two steps. The huge rate makes the losses of all steps but the first infinite.

    Resumes the run: it computes the same again and is refused again, and its files do not change.
    """
    one = job(tmp_path, learning_rate=1e30, max_skipped_updates=1)
    for _ in range(2):
        with pytest.raises(
            InputError, match=r"2 steps without an update, .* epoch 2, step 2, .*; this workdir keeps epoch 1"
        ):
            train(*one, progress=ConsoleProgress())
    printed = capsys.readouterr().out
    assert printed.count("; 1 updates skipped, because a loss or gradient was not finite\n") == 1
    text = (tmp_path / "metrics.jsonl").read_text()
    (row,) = (json.loads(line, parse_constant=pytest.fail) for line in text.splitlines())
    assert (row["epoch"], row["skipped_updates"]) == (1, 1)
    with Checkpoints(tmp_path / "checkpoints", read_only=True) as checkpoints:
        assert checkpoints.epochs() == [1]
        params = checkpoints.restore_params(1, System.load(tmp_path).param_shapes())
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(params))
