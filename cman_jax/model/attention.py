"""Multi-head attention, Eqs. (2) and (3)."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.model.dense import Dense


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

        query, key, value = heads("query", queries), heads("key", memory), heads("value", memory)
        logits = jnp.einsum("bnhk,bmhk->bhnm", query, key) / head_width**0.5
        # Finite, so that an all-padding sentence gives a uniform row and not NaN.
        logits = jnp.where(mask[:, None, None, :], logits, -1e9)
        attended = jnp.einsum("bhnm,bmhk->bnhk", nn.softmax(logits), value)
        return Dense(width, use_bias=False, name="output")(attended.reshape(queries.shape))
