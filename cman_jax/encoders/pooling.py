"""Words' vectors from pieces' vectors: the mean of a word's pieces, or its first piece.

The sums are computed on the device, row by row of a batch. The pieces of a very long word can lie in several
windows; the vector of a word is the sum over the windows.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cman_jax.layers.platform import by_platform


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
