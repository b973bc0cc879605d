"""Tests of a run on a host that only follows: it sees what the first host has written, and writes nothing."""

from contextlib import closing
from pathlib import Path

import jax
import numpy as np
import pytest

from cman_jax.errors import InputError
from cman_jax.training.follower import Follower
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.within import Times, Within
from tests.builders import SENTENCES, tiny_config


def written(folder: Path) -> dict[Path, int]:
    """Returns the files of a folder, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_follower_starts_as_the_first_host_does_and_writes_nothing(tmp_path: Path) -> None:
    job = Job(tiny_config(), {"train": SENTENCES, "dev": SENTENCES}, tmp_path / "run")
    with pytest.raises(InputError, match="found no run on this host, expected the run that the first host"):
        Follower(job, None, None)
    assert not job.workdir.exists()
    with closing(Member(job, None, None)) as first:
        optimizer = make_optimizer(job.config.training)
        state = jax.device_get(first.start_after(0, optimizer))
        first.save_within(Within(1, state, np.ones((5, 2), np.float32), Times(1.0, 0.0)))
        before = written(job.workdir)
        with closing(Follower(job, None, None)) as follower:
            own = jax.device_get(follower.start_after(0, optimizer))
            jax.tree.map(np.testing.assert_array_equal, own, state)
            assert follower.plans(1) == first.plans(1)
            assert follower.latest_epoch() == 0
            follower.save_within(Within(1, state, np.ones((5, 3), np.float32), Times(1.0, 0.0)))
            follower.end_epoch(1, state, {})
            follower.remove_within(1, None)
        assert written(job.workdir) == before
        broken = state._replace(params=jax.tree.map(lambda x: x + np.inf, state.params))
        with pytest.raises(InputError, match="parameters that are not finite after the last step of epoch 1"):
            follower.end_epoch(1, broken, {})
