"""What the loop has compiled, and when."""

from pathlib import Path

import pytest

from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from tests.builders import SENTENCES, compilations, tiny_config


@pytest.mark.parametrize("size", [1, 2])
def test_every_program_of_a_run_is_compiled_once_and_beforehand(tmp_path: Path, size: int) -> None:
    jobs = []
    for seed in range(size):
        config = tiny_config()
        config.model.scorer_dim = 4 + size  # a network that no other test has compiled
        config.data.bucket_lengths = (4, 8)
        config.training.batch_size, config.training.num_epochs, config.training.seed = 2, 2, seed
        splits = {"train": SENTENCES, "dev": SENTENCES}
        jobs.append(Job(config, splits, tmp_path / str(seed)))
    with compilations("train_step") as steps, compilations("predict_step") as predictions:
        train_population(jobs)
    assert sorted({len(sentence.tokens) > 4 for sentence in SENTENCES}) == [False, True]
    for compiled in (steps, predictions):
        assert len(compiled) == 2
        assert all(thread.startswith("compiler") for thread in compiled)
