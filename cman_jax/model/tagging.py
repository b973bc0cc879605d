"""The layer that computes the log potentials of tag sequences, Eq. (8), from token states."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.config import CRFKind
from cman_jax.layers.dense import Dense
from cman_jax.types import CRFPotentials


class TaggingPotentials(nn.Module):
    """The layer from token states to CRF potentials, of one of two kinds.

    The kind "pairwise" is `log φ_i(a, b) = w_ab . x_i + b_ab`, Eq. (8) as printed. A fixed start symbol takes
    the place of the tag before the first token, so the layer has (t + 1) t outputs.

    The kind "factored" is the usual CRF layer, `emission_i(b) + transition(a, b)`, with scores for the first
    and the last tag.

    Attributes:
      num_tags: t, the number of tags.
      kind: "pairwise" or "factored".
    """

    num_tags: int
    kind: CRFKind

    @nn.compact
    def __call__(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """Returns the log potentials, in nats.

        Args:
          x: the token states.
          mask: True at real tokens, which come before all padding.
        """
        if self.kind == "pairwise":
            return self._pairwise(x)
        return self._factored(x, mask)

    def _pairwise(self, x: Float[Array, "b n d"]) -> CRFPotentials:
        """Returns potentials of the kind "pairwise"."""
        scores = Dense((self.num_tags + 1) * self.num_tags, name="scores")(x)
        scores = scores.reshape(*x.shape[:2], self.num_tags + 1, self.num_tags)
        return CRFPotentials(initial=scores[:, 0, 0], pairwise=scores[:, :, 1:])

    def _factored(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> CRFPotentials:
        """Returns potentials of the kind "factored"."""
        zeros = nn.initializers.zeros_init()
        transitions = self.param("transitions", zeros, (self.num_tags, self.num_tags))
        start = self.param("start", zeros, (self.num_tags,))
        end = self.param("end", zeros, (self.num_tags,))
        last = mask & ~jnp.pad(mask[:, 1:], ((0, 0), (0, 1)))
        emissions = Dense(self.num_tags, name="emissions")(x) + last[:, :, None] * end[None, None]
        return CRFPotentials(
            initial=emissions[:, 0] + start[None], pairwise=emissions[:, :, None] + transitions[None, None]
        )
