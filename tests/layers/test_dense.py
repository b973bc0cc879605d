"""Tests of the linear layer against the layer of Flax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from cman_jax.layers.dense import Dense
from tests.builders import normal


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 5), (2, 3, 4, 5)])
def test_it_equals_nn_dense_with_the_same_start(shape: tuple[int, ...], use_bias: bool) -> None:
    x = jnp.asarray(normal(0, *shape))
    ours, flax = Dense(7, use_bias=use_bias), nn.Dense(7, use_bias=use_bias)
    variables = flax.init(jax.random.key(0), x)
    jax.tree.map(np.testing.assert_array_equal, ours.init(jax.random.key(0), x), variables)
    np.testing.assert_allclose(ours.apply(variables, x), flax.apply(variables, x), rtol=1e-6, atol=1e-6)
