"""Multi-head attention, Eqs. (2) and (3)."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.layers.dense import Dense

_ROWS = 128  # queries per chunk
_MOST_ROWS = 512  # sentences with more queries attend in chunks


class MultiHeadAttention(nn.Module):
    """Multi-head attention, Eqs. (2) and (3).

    The result is `T = [head_1; ...; head_z] W_o` with `head_i = softmax(Q W_Q (K W_K)^T / sqrt(2d/z)) V W_V`.
    Keys and values come from the same `memory`, as in both units of the paper.

    Attributes:
      num_heads: z, the number of heads; must divide the model width.
    """

    num_heads: int

    @nn.compact
    def __call__(
        self, queries: Float[Array, "b n d"], memory: Float[Array, "b m d"], mask: Bool[Array, "b m"]
    ) -> Float[Array, "b n d"]:
        """Returns the result of attention from every query to the memory rows whose mask is True.

        Args:
          queries: vectors of the tokens that attend.
          memory: vectors of the tokens that are attended to.
          mask: True at real tokens of the memory. The result for a sentence without any is finite and unused.
        """
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
    bias: Float[Array, "#b h n m"] | None = None,
) -> Float[Array, "b n h k"]:
    """Computes `softmax(query key^T / sqrt(k) + bias) value` over the positions where the mask is True.

    Of the arrays with n m numbers, only the weights are kept for the gradient. JAX by default keeps three
    such arrays, which are most of the memory of a step for long sentences. Without a gradient, the queries of
    long sentences attend in chunks, so that no array with n m numbers exists.

    Args:
      query: vectors that attend, per head.
      key: vectors that are compared with the queries, per head.
      value: vectors that are averaged, per head.
      mask: True at the positions of keys and values to attend to.
      bias: logits to add, of each sentence or the same for all; None: no bias.
    """
    length = query.shape[1]
    if length <= _MOST_ROWS:
        return _attend_forward(query, key, value, mask, bias)[0]
    chunks = (_in_chunks(query, 1), None if bias is None else _in_chunks(bias, 2))
    attended = jax.lax.map(
        lambda chunk: _attend_forward(chunk[0], key, value, mask, chunk[1])[0], chunks
    )  # [chunks, b, rows, h, k]
    attended = attended.swapaxes(0, 1)
    return attended.reshape(query.shape[0], -1, *query.shape[2:])[:, :length]


def _in_chunks(x: Array, axis: int) -> Array:
    """Returns an array with its rows along one axis in chunks, which are a new first axis; padded with 0."""
    pad = [(0, -x.shape[axis] % _ROWS) if i == axis else (0, 0) for i in range(x.ndim)]
    divided = (*x.shape[:axis], -1, _ROWS, *x.shape[axis + 1 :])
    return jnp.moveaxis(jnp.pad(x, pad).reshape(divided), axis, 0)


def _attend_forward(
    query: Array, key: Array, value: Array, mask: Array, bias: Array | None = None
) -> tuple[Array, tuple[Array | None, ...]]:
    """Returns the result of `attend`, and the arrays that the backward pass needs."""
    logits = jnp.einsum("bnhk,bmhk->bhnm", query, key) / query.shape[-1] ** 0.5
    if bias is not None:
        logits = logits + bias
    # The least finite number, so that a sentence of padding gives uniform weights and not NaN.
    lowest = jnp.finfo(logits.dtype).min
    weights = nn.softmax(jnp.where(mask[:, None, None, :], logits, lowest))
    attended = jnp.einsum("bhnm,bmhk->bnhk", weights, value)
    return attended, (query, key, value, weights, attended, bias)


def _attend_backward(
    residuals: tuple[Array | None, ...], d_attended: Array
) -> tuple[Array, Array, Array, None, Array | None]:
    """Returns the gradients of query, key, value and bias, from the gradient of the result."""
    query, key, value, weights, attended, bias = residuals
    d_weights = jnp.einsum("bnhk,bmhk->bhnm", d_attended, value)
    # The gradient of softmax subtracts sum_m weights d_weights. This sum over the smaller axis k is equal.
    d_softmax = weights * (d_weights - jnp.einsum("bnhk,bnhk->bhn", d_attended, attended)[..., None])
    d_logits = d_softmax / query.shape[-1] ** 0.5
    return (
        jnp.einsum("bhnm,bmhk->bnhk", d_logits, key),
        jnp.einsum("bhnm,bnhk->bmhk", d_logits, query),
        jnp.einsum("bhnm,bnhk->bmhk", weights, d_attended),
        None,
        None if bias is None else _summed_to(bias.shape[0], d_softmax),
    )


def _summed_to(sentences: int, gradient: Array) -> Array:
    """Returns a gradient for as many sentences as the bias has: one for all, or one for each."""
    return gradient if gradient.shape[0] == sentences else gradient.sum(0, keepdims=True)


attend.defvjp(_attend_forward, _attend_backward)
