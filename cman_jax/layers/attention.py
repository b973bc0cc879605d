"""Multi-head attention, Eqs. (2) and (3)."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.layers.dense import Dense

_ROWS = 128  # queries of a chunk, where there are chunks
_MOST_ROWS = 512  # queries of a sentence without chunks


class MultiHeadAttention(nn.Module):
    """`head_i = softmax(Q W_Q (K W_K)^T / sqrt(2d/z)) V W_V`, `T = [head_1; ...; head_z] W_o`.

    Keys and values are one `memory`, as in both of the paper's units. Attributes:
      num_heads: z; divides the model width.
    """

    num_heads: int

    @nn.compact
    def __call__(
        self, queries: Float[Array, "b n d"], memory: Float[Array, "b m d"], mask: Bool[Array, "b m"]
    ) -> Float[Array, "b n d"]:
        """Attends from every query to the memory rows whose mask is True."""
        width = queries.shape[-1]
        head_width = width // self.num_heads

        def heads(name: str, x: Float[Array, "b n d"]) -> Float[Array, "b n h k"]:
            projected = Dense(width, use_bias=False, name=name)(x)
            return projected.reshape(*x.shape[:-1], self.num_heads, head_width)

        query = heads("query", queries)
        attended = attend(query, heads("key", memory), heads("value", memory), mask)
        return Dense(width, use_bias=False, name="output")(attended.reshape(queries.shape))


@jax.custom_vjp
def attend(
    query: Float[Array, "b n h k"],
    key: Float[Array, "b m h k"],
    value: Float[Array, "b m h k"],
    mask: Bool[Array, "b m"],
) -> Float[Array, "b n h k"]:
    """`softmax(query key^T / sqrt(k)) value` over the positions that the mask leaves.

    Of everything with n m numbers, only the weights are kept for the gradient; JAX by itself keeps three
    such arrays, which for long sentences is most of a step's memory. Where no gradient is taken, the queries
    of long sentences attend in chunks, so that nothing with n m numbers exists.
    """
    length = query.shape[1]
    if length <= _MOST_ROWS:
        return _attend_forward(query, key, value, mask)[0]
    padded = jnp.pad(query, ((0, 0), (0, -length % _ROWS), (0, 0), (0, 0)))
    chunks = padded.reshape(query.shape[0], -1, _ROWS, *query.shape[2:]).swapaxes(0, 1)
    attended = jax.lax.map(lambda chunk: _attend_forward(chunk, key, value, mask)[0], chunks)
    return attended.swapaxes(0, 1).reshape(padded.shape)[:, :length]


def _attend_forward(query: Array, key: Array, value: Array, mask: Array) -> tuple[Array, tuple[Array, ...]]:
    logits = jnp.einsum("bnhk,bmhk->bhnm", query, key) / query.shape[-1] ** 0.5
    # Below any logit, yet finite, so that an all-padding sentence gives a uniform row and not NaN.
    lowest = jnp.finfo(logits.dtype).min
    weights = nn.softmax(jnp.where(mask[:, None, None, :], logits, lowest))
    attended = jnp.einsum("bhnm,bmhk->bnhk", weights, value)
    return attended, (query, key, value, weights, attended)


def _attend_backward(residuals: tuple[Array, ...], d_attended: Array) -> tuple[Array, Array, Array, None]:
    query, key, value, weights, attended = residuals
    d_weights = jnp.einsum("bnhk,bmhk->bhnm", d_attended, value)
    # The softmax's gradient takes sum_m weights d_weights off, which is this sum over the narrower k.
    d_softmax = weights * (d_weights - jnp.einsum("bnhk,bnhk->bhn", d_attended, attended)[..., None])
    d_logits = d_softmax / query.shape[-1] ** 0.5
    return (
        jnp.einsum("bhnm,bmhk->bnhk", d_logits, key),
        jnp.einsum("bhnm,bnhk->bmhk", d_logits, query),
        jnp.einsum("bhnm,bnhk->bmhk", weights, d_attended),
        None,
    )


attend.defvjp(_attend_forward, _attend_backward)
