"""Tests of the running sums against a loop over tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.model.between import RunningSums
from tests import oracles
from tests.builders import normal, random_variables

B, N, D, K = 2, 6, 5, 4
MASK = jnp.arange(N)[None] < jnp.array([[N], [3]])


@pytest.fixture(scope="module")
def summed() -> tuple:
    """Returns the sums of random tokens, the parameters and the tokens."""
    x, module = jnp.asarray(normal(0, B, N, D)), RunningSums(K)
    variables = random_variables(module, x, MASK, scale=0.5)
    return np.asarray(module.apply(variables, x, MASK)), variables["params"], x


def test_they_equal_a_loop_over_the_tokens_and_stay_at_padding(summed: tuple) -> None:
    sums, params, x = summed
    for row, length in enumerate(MASK.sum(1)):
        np.testing.assert_allclose(sums[row], oracles.running_sums(params, x[row], length), atol=1e-6)


def test_the_first_one_counts_tokens(summed: tuple) -> None:
    sums, _, _ = summed
    np.testing.assert_allclose(sums[0, :, 0], (1 + np.arange(N)) / 8, rtol=1e-6)


def test_one_sum_is_the_distance_alone() -> None:
    x, module = jnp.asarray(normal(0, B, N, D)), RunningSums(1)
    sums, variables = module.init_with_output(jax.random.key(0), x, MASK)
    assert not variables
    np.testing.assert_allclose(sums[0, :, 0], (1 + np.arange(N)) / 8, rtol=1e-6)
