"""Tests of which programs the loop compiles, and when."""

from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from cman_jax.types import Sentence
from tests.builders import SENTENCES, compilations, tiny_config

LENGTHS = (4, 8)


def job(workdir: Path, seed: int, width: int, num_epochs: int = 2) -> Job:
    """Returns a small job, whose network has this scorer width."""
    config = tiny_config()
    config.model.scorer_dim = width
    config.data.bucket_lengths = LENGTHS
    config.training.batch_size, config.training.num_epochs, config.training.seed = 2, num_epochs, seed
    return Job(config, {"train": SENTENCES, "dev": SENTENCES}, workdir / str(seed))


@pytest.mark.parametrize(
    ("num_runs", "num_devices"),
    [(1, 1), (2, 2), (1, 2)],
    ids=["one run", "a population", "several devices"],
)
def test_every_program_of_a_run_is_compiled_once_and_beforehand(
    tmp_path: Path, num_runs: int, num_devices: int
) -> None:
    assert {min(n for n in LENGTHS if len(s.tokens) <= n) for s in SENTENCES} == set(LENGTHS)
    width = 4 + 2 * num_runs + num_devices  # a network that no other test has compiled
    jobs = [job(tmp_path, seed, width) for seed in range(num_runs)]
    with compilations("train_step") as steps, compilations("predict_step") as predictions:
        # pmap does not find programs that were compiled beforehand.
        train_population(jobs, num_devices=num_devices, parallel="jit" if num_devices == 1 else "mesh")
    for threads in (steps, predictions):
        assert len(threads) == len(LENGTHS)
        assert all(thread.startswith("compiler") for thread in threads)


def test_a_resumed_run_needs_the_same_programs_for_prediction(tmp_path: Path) -> None:
    train_population([job(tmp_path, 0, 11, num_epochs=1)])
    with compilations("train_step") as steps, compilations("predict_step") as predictions:
        train_population([job(tmp_path, 0, 11, num_epochs=2)])
    assert len(steps) == len(LENGTHS)  # the optimiser is another one, so they are compiled again, once
    assert predictions == []


def test_a_sentence_far_beyond_the_buckets_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    longest = Sentence("endless", ("word",) * 65)
    config, splits, workdir = job(tmp_path, 0, 4)
    splits = {"train": (*SENTENCES, longest), "dev": SENTENCES}
    with pytest.raises(
        InputError, match=r"sentence 'endless' of the training data: found 65 tokens, exp.* 64"
    ):
        train_population([Job(config, splits, workdir)])
    assert not workdir.exists()
