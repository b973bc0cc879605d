"""Tests of populations: runs trained together equal runs trained separately, and can be resumed."""

import dataclasses
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.data.batching import Plan
from cman_jax.errors import InputError
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System
from cman_jax.training.loop import train, train_population
from cman_jax.training.member import Job
from cman_jax.training.plans import epoch_plans, shuffled
from cman_jax.types import Params
from tests.builders import SENTENCES, tiny_config

EPOCHS = 9
TWELVE = tuple(s._replace(id=f"{k}-{s.id}") for k in range(3) for s in SENTENCES)
SEEDS = (3, 4)
# The second run has less data, and no batch in one of the six steps of every epoch: 54 and 45 steps.
TRAIN = {3: TWELVE, 4: TWELVE[:10]}


def config_of(seed: int, num_epochs: int = EPOCHS) -> Config:
    """Returns a small config."""
    config = tiny_config()
    config.data = dataclasses.replace(config.data, min_word_count=1)
    config.training.batch_size, config.training.num_epochs, config.training.seed = 2, num_epochs, seed
    return config


def job(folder: Path, seed: int, num_epochs: int = EPOCHS) -> Job:
    """Returns the small job of a seed."""
    splits = {"train": TRAIN[seed], "dev": SENTENCES[:3]}
    return Job(config_of(seed, num_epochs), splits, folder / f"seed_{seed}")


def params_of(workdir: Path, epoch: int = EPOCHS) -> Params:
    """Returns the parameters of a run after an epoch."""
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        return checkpoints.restore_params(epoch, System.load(workdir).param_shapes())


def assert_close(actual: Path, expected: Path, tolerance: float) -> None:
    """Checks that two runs have the same parameters."""

    def compare(a: jax.Array, b: jax.Array) -> None:
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)

    jax.tree.map(compare, params_of(actual), params_of(expected))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with both runs, trained one after the other."""
    folder = tmp_path_factory.mktemp("alone")
    for seed in SEEDS:
        train(*job(folder, seed))
    return folder


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with both runs, trained as one program on one device."""
    folder = tmp_path_factory.mktemp("together")
    train_population([job(folder, seed) for seed in SEEDS])
    return folder


@pytest.mark.parametrize("seed", SEEDS)
def test_fifty_steps_together_equal_fifty_steps_separately(alone: Path, together: Path, seed: int) -> None:
    workdirs = [folder / f"seed_{seed}" for folder in (together, alone)]
    assert_close(*workdirs, 1e-4)
    for ours, theirs in zip(*map(read_metrics, workdirs), strict=True):
        assert ours["dev"] == theirs["dev"]
        for name in ("ner_loss", "relation_loss", "adversarial_loss"):
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3)


def test_different_seeds_lead_to_different_runs(together: Path) -> None:
    first, second = (jax.tree.leaves(params_of(together / f"seed_{seed}")) for seed in SEEDS)
    assert any(not np.allclose(a, b, atol=0.01) for a, b in zip(first, second, strict=True))


def test_several_devices_share_a_population(together: Path, tmp_path: Path) -> None:
    train_population([job(tmp_path, seed) for seed in SEEDS], num_devices=2)
    for seed in SEEDS:
        assert_close(tmp_path / f"seed_{seed}", together / f"seed_{seed}", 1e-4)


def test_a_population_killed_between_two_writes_resumes_with_the_same_bits(
    together: Path, tmp_path: Path
) -> None:
    """Removes the last checkpoint of the second run, as if it had been killed while writing it."""
    shutil.copytree(together, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "seed_4" / "checkpoints" / str(EPOCHS))
    train_population([job(tmp_path, seed) for seed in SEEDS])
    for seed in SEEDS:
        assert_close(tmp_path / f"seed_{seed}", together / f"seed_{seed}", 0)
        rows = read_metrics(tmp_path / f"seed_{seed}")
        assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))


def test_a_run_far_ahead_of_its_population_is_refused(together: Path, tmp_path: Path) -> None:
    shutil.copytree(together / "seed_3", tmp_path / "seed_3")
    with pytest.raises(
        InputError, match=r"seed_3: found a run with 9 finished epochs, expected at most 1, b"
    ):
        train_population([job(tmp_path, seed, EPOCHS + 2) for seed in SEEDS])


def test_a_finished_run_waits_while_the_others_are_trained(together: Path, tmp_path: Path) -> None:
    shutil.copytree(together / "seed_3", tmp_path / "seed_3")
    train_population([job(tmp_path, seed) for seed in SEEDS])
    assert read_metrics(tmp_path / "seed_3") == read_metrics(together / "seed_3")
    assert_close(tmp_path / "seed_4", together / "seed_4", 1e-4)


def test_settings_that_differ_in_more_than_the_seed_are_refused(tmp_path: Path) -> None:
    first, second = (job(tmp_path, seed) for seed in SEEDS)
    second.config.training.alpha = 0.5
    with pytest.raises(ValueError, match="differ in more than the seed"):
        train_population([first, second])


def test_falling_rates_need_equal_numbers_of_steps(tmp_path: Path) -> None:
    jobs = [job(tmp_path, seed) for seed in SEEDS]
    for each in jobs:
        each.config.training.final_rate = 0.5
    with pytest.raises(InputError, match=r"seed_4: found 5 steps per epoch, expected 6, as .*seed_3 has, or"):
        train_population(jobs)


def test_vocabularies_of_different_size_are_refused(tmp_path: Path) -> None:
    first, second = (job(tmp_path, seed) for seed in SEEDS)
    second = second._replace(splits={**second.splits, "train": SENTENCES[:2]})
    with pytest.raises(ValueError, match="vocabularies of a population differ in size"):
        train_population([first, second])


def test_devices_that_cannot_share_the_runs_equally_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="population 2 is not divisible by 3 devices"):
        train_population([job(tmp_path, seed) for seed in SEEDS], num_devices=3)


def plans_of(seed: int, epoch: int) -> list[Plan]:
    """Returns the batches of sentences that need several lengths."""
    config = config_of(seed)
    config.data = dataclasses.replace(config.data, bucket_lengths=(2, 4, 8))
    return epoch_plans((1, 3, 5, 7) * 6, config, epoch)


def test_the_order_of_lengths_is_the_same_for_all_seeds() -> None:
    first, second, later = plans_of(3, 1), plans_of(4, 1), plans_of(3, 2)
    assert [plan.length for plan in first] == [plan.length for plan in second]
    assert {plan.indices for plan in first} != {plan.indices for plan in second}
    assert [plan.length for plan in first] != [plan.length for plan in later]


def test_an_additional_batch_does_not_change_the_order_of_the_others() -> None:
    fewer = list(range(11))
    assert [plan for plan in shuffled([*fewer, 11], 5) if plan != 11] == shuffled(fewer, 5)
