"""A kept program computes the same bits as a traced one, and is never one of another network."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jaxtyping import Array

from cman_jax.config import ModelConfig
from cman_jax.layers.dense import Dense
from cman_jax.programs import KeptProgram, describe
from tests.builders import SMALL_MODEL, network

NETWORK = Dense(3)
X = np.linspace(-2, 2, 8, dtype=np.float32).reshape(2, 4)


def traced(function: Callable[..., Any] | None = None) -> tuple[KeptProgram, list[Any]]:
    """Returns a function of a network and arrays as a later process has it, and when it is traced."""
    times: list[Any] = []

    def compute(network: nn.Module, x: Array) -> Any:
        times.append((network, x.shape))
        return function(x) if function else {"sum": jnp.tanh(x).sum(0), "x": (x * network.features, None)}

    return KeptProgram(compute), times


def test_a_later_process_traces_nothing_and_computes_the_same_bits(kept_folder: Path) -> None:
    first, times = traced()
    expected = first(NETWORK, X)
    assert len(times) == 1
    later, times = traced()
    later.lower(NETWORK, jax.ShapeDtypeStruct(X.shape, X.dtype)).compile()
    found = later(NETWORK, X)
    assert times == []
    without = jax.jit(traced()[0]._function, static_argnums=0)(NETWORK, X)
    for other in (found, without):
        assert jax.tree.structure(other) == jax.tree.structure(expected)
        for a, b in zip(jax.tree.leaves(other), jax.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(a, b)


def test_other_shapes_types_networks_and_settings_are_traced(kept_folder: Path) -> None:
    traced()[0](NETWORK, X)
    for module, x in ((NETWORK, X[:1]), (NETWORK, X.astype(np.float16)), (Dense(4), X)):
        program, times = traced()
        program(module, x)
        assert len(times) == 1
    program, times = traced()
    other = KeptProgram(program._function, "bfloat16")
    other(NETWORK, X)
    assert len(times) == 1


def test_nothing_is_kept_without_a_folder(kept_folder: Path) -> None:
    jax.config.update("jax_compilation_cache_dir", None)
    for _ in range(2):
        program, times = traced()
        assert program(NETWORK, X)["sum"].shape == (4,)
        assert len(times) == 1
    assert not kept_folder.exists()


def test_a_network_whose_source_is_not_the_librarys_is_not_kept(kept_folder: Path) -> None:
    class Own(nn.Module):
        features: int = 3

    for _ in range(2):
        program, times = traced()
        program(Own(), X)
        assert len(times) == 1
    assert not kept_folder.exists()


def test_a_program_that_cannot_be_exported_runs_all_the_same(kept_folder: Path) -> None:
    shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
    program, _ = traced(lambda x: jax.pure_callback(lambda y: np.asarray(y) + 1, shape, x))
    np.testing.assert_array_equal(program(NETWORK, X), X + 1)
    assert not kept_folder.exists()


CHANGED = {bool: lambda x: not x, int: lambda x: x + 1, float: lambda x: x + 0.125, str: lambda x: f"{x}!"}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ModelConfig)])
def test_every_setting_of_a_network_is_in_its_description(field: str) -> None:
    value = getattr(SMALL_MODEL, field)
    config = dataclasses.replace(SMALL_MODEL, **{field: CHANGED[type(value)](value)})
    model = network()
    assert describe(model) == describe(network())
    assert describe(model) != describe(dataclasses.replace(model, config=config))
    assert describe(model) != describe(dataclasses.replace(model, sizes=model.sizes._replace(num_words=7)))


def test_the_description_is_the_same_in_every_process() -> None:
    program = "from cman_jax.programs import describe; from tests.builders import network; "
    found = subprocess.run(
        [sys.executable, "-c", f"{program}print(describe(network()))"],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == describe(network())
