"""The network's layers in plain jax.numpy, for one sentence without padding.

They are independent: they share no code with `cman_jax.model`. Only the tree of parameters is the same, and
each function names the part of it that it reads. Everything is written like the printed formula: a tanh is a
tanh, and a softmax runs over real tokens only. The functions use jax.numpy instead of NumPy, so that
`jax.grad` can differentiate them. They are called within `in_double`. The letters in shapes are those of
cman_jax/types.py.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = Any
Params = dict[str, Any]


@contextlib.contextmanager
def in_double() -> Iterator[None]:
    """Allows arrays of float64, and of different rank as in NumPy, inside the `with` block."""
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        yield


def to_double(tree: Any) -> Any:
    """Returns the tree with its leaves in float64."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


class Spelled(NamedTuple):
    """The characters of words; ids behind a word's end are never used.

    A state after k characters does not depend on later characters, so reading on behind the end does no harm.
    """

    forward: Array  # [n c] from the first character
    backward: Array  # [n c] from the last character
    lengths: Array  # [n]

    @classmethod
    def of(cls, words: tuple[tuple[int, ...], ...], longest: int) -> "Spelled":
        """Returns the table of these words, each with at most `longest` character ids."""
        table = np.zeros((2, len(words), longest), np.int32)
        for i, word in enumerate(words):
            table[0, i, : len(word)], table[1, i, : len(word)] = word, word[::-1]
        return cls(table[0], table[1], np.array([len(word) for word in words], np.int32))


def lstm(params: Params, direction: int, x: Array) -> Array:
    """Returns the states after 0, 1, ..., n steps: [n e] -> [n+1 d].

    Reads `gates.kernel` [2 e 4d], `gates.bias` [2 4d] and `recurrent_kernel` [2 d 4d], which stack both
    directions. The blocks of the gates are input, forget, cell, output.
    """
    kernel, bias = params["gates"]["kernel"][direction], params["gates"]["bias"][direction]
    recurrent = params["recurrent_kernel"][direction]

    def step(state: tuple[Array, Array], token: Array) -> tuple[Any, Array]:
        h, c = state
        i, f, g, o = jnp.split(token @ kernel + h @ recurrent + bias, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros(recurrent.shape[0], x.dtype)
    _, states = jax.lax.scan(step, (zero, zero), x)
    return jnp.concatenate([zero[None], states])


def bilstm(params: Params, x: Array) -> Array:
    """Returns the states from the left beside those from the right, Eq. (1): [n e] -> [n 2d]."""
    return jnp.concatenate([lstm(params, 0, x)[1:], lstm(params, 1, x[::-1])[1:][::-1]], 1)


def encoder(params: Params, x: Array) -> Array:
    """Returns a BiLSTM's states (`bilstm`); with `mlp`, per-token states: the ablation "BiLSTM -> MLP"."""
    if "mlp" in params:
        return jnp.tanh(x @ params["mlp"]["kernel"] + params["mlp"]["bias"])
    return bilstm(params["bilstm"], x)


def characters(params: Params, spelled: Spelled) -> Array:
    """Returns `char_i`, the last states of both directions for each word: -> [n 2d].

    Reads `chars.embedding` [characters, width] and `bilstm`.
    """
    table = jnp.asarray(params["chars"]["embedding"])

    def word(forward: Array, backward: Array, length: Array) -> Array:
        left = lstm(params["bilstm"], 0, table[forward])
        right = lstm(params["bilstm"], 1, table[backward])
        return jnp.concatenate([left[length], right[length]])

    return jax.vmap(word)(*spelled)


def attention(params: Params, num_heads: int, queries: Array, memory: Array) -> Array:
    """Returns the attention of Eqs. (2) and (3), head by head: [n d], [m d] -> [n d].

    Reads `query`, `key`, `value` and `output`, each a `kernel` [d d]. A head owns neighbouring columns of the
    first three, and the rows of `output` at the same places.
    """
    width = queries.shape[1] // num_heads
    heads = []
    for head in range(num_heads):
        own = slice(head * width, (head + 1) * width)
        q, k, v = (
            x @ params[name]["kernel"][:, own]
            for x, name in ((queries, "query"), (memory, "key"), (memory, "value"))
        )
        scores = q @ k.T / np.sqrt(width)
        weights = jnp.exp(scores - scores.max(1, keepdims=True))
        heads.append(weights / weights.sum(1, keepdims=True) @ v)
    return jnp.concatenate(heads, 1) @ params["output"]["kernel"]


def layer_norm(params: Params, x: Array) -> Array:
    """Returns the layer norm; reads `scale` and `bias`."""
    centred = x - x.mean(1, keepdims=True)
    normed = centred / jnp.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    return normed * params["scale"] + params["bias"]
