"""Multi-head attention, Eqs. (2) and (3)."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float


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
        heads = (self.num_heads, width // self.num_heads)
        query = nn.DenseGeneral(heads, use_bias=False, name="query")(queries)
        key = nn.DenseGeneral(heads, use_bias=False, name="key")(memory)
        value = nn.DenseGeneral(heads, use_bias=False, name="value")(memory)
        logits = jnp.einsum("bnhk,bmhk->bhnm", query, key) / jnp.sqrt(heads[1])
        # Finite, so that an all-padding sentence gives a uniform row and not NaN.
        logits = jnp.where(mask[:, None, None, :], logits, -1e9)
        attended = jnp.einsum("bhnm,bmhk->bnhk", nn.softmax(logits), value)
        return nn.DenseGeneral(width, axis=(-2, -1), use_bias=False, name="output")(attended)
