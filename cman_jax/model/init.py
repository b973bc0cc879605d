"""Where training starts from, if not from what each module draws by itself."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from cman_jax.types import Params

_KEPT = ("start", "end", "norm")  # the chain's ends start at zero, normalisation as it is


def glorot_init(params: Params, key: PRNGKeyArray) -> Params:
    """Everything drawn anew, uniformly within Glorot's limits, which is what TensorFlow 1 does unasked.

    For a matrix of a rows and b columns the limit is `sqrt(6 / (a + b))`, for a vector of n `sqrt(3 / n)`. An
    LSTM's input and recurrent weights have one limit, that of both on top of each other, and biases of 0 but
    1 for the forget gate. The released code of Bekoulis et al. (2018) starts so.
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
    rows, columns = value.shape if value.ndim == 2 and value.shape[0] > 1 else (value.size, value.size)
    return _uniform(value, (6 / (rows + columns)) ** 0.5, key)


def _uniform(value: Array, limit: float, key: PRNGKeyArray) -> Array:
    return jax.random.uniform(key, value.shape, jnp.result_type(value), -limit, limit)
