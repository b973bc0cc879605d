"""Tests of the mix of an encoder's layers against its formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.layers.scalar_mix import ScalarMix
from tests.builders import normal, random_variables

LAYERS = jnp.asarray(normal(0, 2, 3, 4, 5))  # [b l n d]


def test_it_starts_as_the_mean_of_the_layers() -> None:
    mix = ScalarMix(3)
    variables = mix.init(jax.random.key(0), LAYERS)
    np.testing.assert_allclose(mix.apply(variables, LAYERS), LAYERS.mean(1), atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float16])
def test_it_equals_the_formula_in_float32_for_layers_of_any_precision(dtype: jnp.dtype) -> None:
    layers = LAYERS.astype(dtype)
    mix = ScalarMix(3)
    variables = random_variables(mix, layers)
    weights, gamma = (np.asarray(variables["params"][name]) for name in ("weights", "gamma"))
    shares = np.exp(weights) / np.exp(weights).sum()
    expected = gamma * sum(shares[k] * np.asarray(layers[:, k], np.float64) for k in range(3))
    mixed = mix.apply(variables, layers)
    assert mixed.dtype == jnp.float32
    np.testing.assert_allclose(mixed, expected, rtol=1e-5, atol=1e-6)


def test_equal_layers_give_gamma_a_gradient_but_not_the_weights() -> None:
    layers = jnp.repeat(LAYERS[:, :1], 3, axis=1)
    mix = ScalarMix(3)
    gradient = jax.grad(lambda v: (mix.apply(v, layers) ** 2).sum())(random_variables(mix, layers))["params"]
    np.testing.assert_allclose(gradient["weights"], 0, atol=1e-4)
    assert abs(gradient["gamma"]) > 1
