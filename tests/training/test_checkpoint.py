"""A state comes back as it was saved, and the parameters of another network are refused by name."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.data.errors import InputError
from cman_jax.training.checkpoint import Checkpoints
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from cman_jax.types import Params

PARAMS = {"tag": {"bias": np.zeros(4, np.float32), "kernel": np.ones((3, 4), np.float32)}}
WIDER = {"tag": {**PARAMS["tag"], "kernel": np.ones((3, 5), np.float32)}}
RENAMED = {"tagger": PARAMS["tag"]}


def state_of(params: Params) -> TrainState:
    params = jax.tree.map(jnp.asarray, params)
    return TrainState(jnp.int32(7), params, make_optimizer(Config().training).init(params))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with a checkpoint of `PARAMS` after epoch 2."""
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(2, state_of(PARAMS), 50.0)
    return tmp_path


def test_the_whole_state_comes_back(saved: Path) -> None:
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
        pytest.raises(InputError, match=r"2/optimizer: .* opt_state/0/mu/tag/kernel \(3, 4\)"),
    ):
        checkpoints.restore(2, state)
