"""An alternative start of training: parameters that replace the modules' own random initial values."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from cman_jax.types import Params

_KEPT = ("start", "end", "norm", "mix")
"""The scores of a chain's ends, normalisation layers, and the mix of an encoder's layers."""


def glorot_init(params: Params, key: PRNGKeyArray) -> Params:
    """Draws all parameters anew, uniformly within Glorot's limits, as TensorFlow 1 does by default.

    The limit is `sqrt(6 / (a + b))` for a matrix with a rows and b columns, and `sqrt(3 / n)` for a vector of
    n entries. The input weights and recurrent weights of an LSTM share one limit, that of the two matrices
    stacked. An LSTM's biases stay 1 for the forget gate and 0 for the other gates. `_KEPT` keeps its values.
    The released code of Bekoulis et al. (2018) starts in
    this way.

    Args:
      params: the tree of parameters.
      key: a random key.
    """
    if "recurrent_kernel" in params:
        return _lstm(params, key)
    keys = jax.random.split(key, len(params))
    drawn = {}
    for (name, value), own in zip(sorted(params.items()), keys, strict=True):
        if name in _KEPT:
            drawn[name] = value
        else:
            drawn[name] = glorot_init(value, own) if isinstance(value, dict) else _matrix(value, own)
    return drawn


def _lstm(params: Params, key: PRNGKeyArray) -> Params:
    """Returns the parameters of an LSTM with newly drawn weights and unchanged biases."""
    gates, recurrent = params["gates"], params["recurrent_kernel"]
    rows = gates["kernel"].shape[1] + recurrent.shape[1]
    limit = (6 / (rows + recurrent.shape[2])) ** 0.5
    keys = jax.random.split(key)
    kernel = _uniform(gates["kernel"], limit, keys[0])
    return {
        "gates": {"kernel": kernel, "bias": gates["bias"]},
        "recurrent_kernel": _uniform(recurrent, limit, keys[1]),
    }


def _matrix(value: Array, key: PRNGKeyArray) -> Array:
    """Returns a newly drawn matrix or vector; an array with a single row counts as a vector."""
    rows, columns = value.shape if value.ndim == 2 and value.shape[0] > 1 else (value.size, value.size)
    return _uniform(value, (6 / (rows + columns)) ** 0.5, key)


def _uniform(value: Array, limit: float, key: PRNGKeyArray) -> Array:
    """Returns an array like `value`, drawn uniformly from -limit to limit."""
    return jax.random.uniform(key, value.shape, jnp.result_type(value), -limit, limit)
