"""Tests of the Glorot start against its formula, for each parameter."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.configs import multihead_conll04
from cman_jax.model.init import glorot_init
from cman_jax.run.system import System
from cman_jax.types import Params
from tests.builders import SENTENCES, vocabs_of


def systems() -> tuple[System, System]:
    """Returns a system with the default start, and one with the Glorot start."""
    config = multihead_conll04.get_config()
    glorot = dataclasses.replace(config, model=dataclasses.replace(config.model, init="glorot"))
    return System.build(config, vocabs_of(SENTENCES)), System.build(glorot, vocabs_of(SENTENCES))


def leaves(params: Params) -> dict[str, np.ndarray]:
    """Returns all parameters by their paths."""
    flat = jax.tree_util.tree_flatten_with_path(params)[0]
    return {"/".join(part.key for part in path): np.asarray(value) for path, value in flat}


def limit(values: dict[str, np.ndarray], name: str) -> float | None:
    """Returns the limit of a parameter by the formula; None: the parameter is not drawn."""
    shape = values[name].shape
    if "bilstm" in name:
        lstm = name[: name.index("bilstm") + len("bilstm")]
        rows = values[f"{lstm}/gates/kernel"].shape[1] + values[f"{lstm}/recurrent_kernel"].shape[1]
        return None if name.endswith("bias") else (6 / (rows + shape[2])) ** 0.5
    if name.endswith(("start", "end")):
        return None
    if len(shape) == 2 and shape[0] > 1:
        return (6 / sum(shape)) ** 0.5
    return (3 / values[name].size) ** 0.5


def test_every_parameter_is_drawn_within_its_limit() -> None:
    ours, glorot = systems()
    before, after = (leaves(system.init_params(jax.random.key(3))) for system in (ours, glorot))
    assert before.keys() == after.keys()
    drawn = 0
    for name, value in after.items():
        expected = limit(after, name)
        if expected is None:
            np.testing.assert_array_equal(value, before[name])
        else:
            drawn += 1
            assert np.abs(value).max() <= expected
            assert value.size < 30 or abs(value.std() - expected / 3**0.5) < 0.2 * expected, name
    assert drawn == len(after) - 4 - 2  # all but the biases of four LSTMs and the chain's two ends


def test_normalisation_is_unchanged_and_keys_matter() -> None:
    norm: Any = {"scale": jnp.ones(4), "bias": jnp.zeros(4)}
    mix: Any = {"weights": jnp.zeros(3), "gamma": jnp.ones(())}
    params = {"norm": norm, "mix": mix, "dense": {"kernel": jnp.zeros((4, 5)), "bias": jnp.zeros(5)}}
    one, other = (glorot_init(params, jax.random.key(k)) for k in range(2))
    jax.tree.map(
        np.testing.assert_array_equal,
        {name: one[name] for name in ("norm", "mix")},
        {"norm": norm, "mix": mix},
    )
    assert not np.array_equal(one["dense"]["kernel"], other["dense"]["kernel"])
