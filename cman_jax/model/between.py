"""The running sums by which the relation scorer reads the text between two tokens.

The difference of two tokens' sums is a sum over the tokens between them. Therefore the scorer needs vectors
of tokens only, as in Eq. (9), and no array over pairs of tokens has these features.
"""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.layers.dense import Dense

_UNIT = 8.0
"""The distance, in tokens, that is 1 in the sums."""


class RunningSums(nn.Module):
    """The sums `F_i = sum_{t <= i} [1 / 8 ; tanh(C x_t + c) * sigmoid(G x_t + g)]`, `*` entry by entry.

    `F_j - F_i` has the distance of two tokens and sums over the tokens after i, up to j. If j comes first,
    the sign is the other one. Gates begin nearer to 0 than to 1, at `sigmoid(-1)` for an input of zero.

    Differs from the paper, which has no such features.

    Attributes:
      dim: k, number of sums, the distance included.
    """

    dim: int

    @nn.compact
    def __call__(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> Float[Array, "b n k"]:
        """Returns the sums of all tokens; padding adds nothing.

        Args:
          x: the token states.
          mask: True at real tokens, which come before all padding.
        """
        summands = [jnp.full((*x.shape[:2], 1), 1 / _UNIT, x.dtype)]
        if self.dim > 1:
            gate = nn.sigmoid(Dense(self.dim - 1, name="gate")(x) - 1)
            summands.append(jnp.tanh(Dense(self.dim - 1, name="feature")(x)) * gate)
        return jnp.cumsum(jnp.concatenate(summands, -1) * mask[:, :, None], 1)
