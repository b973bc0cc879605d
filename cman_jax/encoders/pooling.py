"""Words' vectors from pieces' vectors: the mean of a word's pieces, or its first piece.

`pool` serves frozen encoders, whose features must not depend on the batch in the last bit. `pool_batch`
serves encoders whose upper layers are trained.

The sums are computed on the device, row by row of a batch. The pieces of a very long word can lie in several
windows; the vector of a word is the sum over the windows.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cman_jax.layers.platform import by_platform
from cman_jax.types import PieceBatch


@jax.jit
def pool(
    states: Float[Array, "l b n d"],
    firsts: Int[Array, "b n"],
    rests: Int[Array, "b n"],
    sizes: Float[Array, "b n"],
) -> Float[Array, "l b n d"]:
    """Returns the vectors of each row's words, in the places [0, 1, ...] of the row.

    The vector of a word is the sum of its first piece and all its other pieces, divided by its size. Places
    behind the last word hold numbers without meaning.

    Args:
      states: the vectors of pieces.
      firsts: the position of each word's first piece.
      rests: for each piece that is added to a first piece, the place of its word; -1 for all other pieces.
      sizes: the divisor of each word, at least 1.
    """
    first = jnp.take_along_axis(states, firsts[None, :, :, None], axis=2)
    rest = by_platform(states, rests, cuda=rests_by_product, default=rests_by_adding)
    divisor = jnp.broadcast_to(sizes[None, :, :, None], states.shape)
    # The barrier keeps the order of the additions and the division, and with them the last bits.
    first, rest, divisor = jax.lax.optimization_barrier((first, rest, divisor))
    return (first + rest) / divisor


def pool_batch(
    states: Float[Array, "r p d"], pieces: PieceBatch, shape: tuple[int, int]
) -> Float[Array, "b n d"]:
    """Returns the vectors of the words of a batch: the weighted sums of their pieces' vectors.

    Args:
      states: the vectors of the pieces.
      pieces: the words and weights of the pieces.
      shape: (b, n), the numbers of sentences and of padded tokens.
    """
    weighted = states * pieces.weights[:, :, None]
    add, multiply = (partial(form, shape=shape) for form in (words_by_adding, words_by_product))
    return by_platform(weighted, pieces.words, cuda=multiply, default=add)


def words_by_adding(
    weighted: Float[Array, "r p d"], words: Int[Array, "r p"], shape: tuple[int, int]
) -> Float[Array, "b n d"]:
    """Returns the sum of each word's pieces, added one by one."""
    flat = weighted.reshape(-1, weighted.shape[-1])
    sums = jnp.zeros((shape[0] * shape[1], weighted.shape[-1]), weighted.dtype)
    return sums.at[words.reshape(-1)].add(flat, mode="drop").reshape(*shape, -1)


def words_by_product(
    weighted: Float[Array, "r p d"], words: Int[Array, "r p"], shape: tuple[int, int]
) -> Float[Array, "b n d"]:
    """Returns the same sums as a matrix product, whose order of additions is fixed on GPUs too.

    Row r belongs to sentence r mod b, as in every `PieceBatch`.
    """
    sentences, tokens = shape
    windows = (weighted.shape[0] // sentences, sentences, weighted.shape[1])
    own = words.reshape(windows) - tokens * jnp.arange(sentences)[None, :, None]
    belongs = (own[..., None] == jnp.arange(tokens)[None, None, None]).astype(weighted.dtype)
    return jnp.einsum("wbpd,wbpn->bnd", weighted.reshape(*windows, -1), belongs, precision="highest")


def rests_by_adding(states: Float[Array, "l b n d"], rests: Int[Array, "b n"]) -> Float[Array, "l b n d"]:
    """Returns the sum of each word's pieces except the first, added one by one; arguments as in `pool`."""
    row = jnp.arange(states.shape[1])[:, None]
    places = jnp.where(rests < 0, states.shape[2], rests)  # the former is outside, hence dropped
    return jnp.zeros_like(states).at[:, row, places].add(states, mode="drop")


def rests_by_product(states: Float[Array, "l b n d"], rests: Int[Array, "b n"]) -> Float[Array, "l b n d"]:
    """Returns the same sums as a matrix product.

    GPUs would add pieces one by one in an order of their own, which changes the last bits from run to run.
    """
    belongs = (rests[:, :, None] == jnp.arange(states.shape[2])[None, None]).astype(states.dtype)
    return jnp.einsum("lbnd,bnw->lbwd", states, belongs, precision="highest")
