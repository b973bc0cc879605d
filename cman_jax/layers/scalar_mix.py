"""A learned average of an encoder's layers, as in ELMo (Peters et al., 2018, Eq. 1)."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float


class ScalarMix(nn.Module):
    """A weighted sum of layers, `γ Σ_l softmax(w)_l h_l`, which starts as their mean.

    Attributes:
      num_layers: l, the number of layers.
    """

    num_layers: int

    def setup(self) -> None:
        self.weights = self.param("weights", nn.initializers.zeros_init(), (self.num_layers,))
        self.gamma = self.param("gamma", nn.initializers.ones_init(), ())

    def __call__(self, layers: Float[Array, "b l n d"], first: int = 0) -> Float[Array, "b n d"]:
        """Returns the weighted sum of the layers, or of some of them, in float32.

        Args:
          layers: the vectors of neighbouring layers, in any precision.
          first: the index of the first of them.
        """
        shares = layer_shares(self.weights, self.gamma)[first : first + layers.shape[1]]
        return (layers.astype(jnp.float32) * shares[None, :, None, None]).sum(1)


def layer_shares(weights: Float[Array, " l"], gamma: Float[Array, ""]) -> Float[Array, " l"]:
    """Returns `γ softmax(w)`, the factor of each layer.

    Args:
      weights: w, a parameter of `ScalarMix`.
      gamma: γ, a parameter of `ScalarMix`.
    """
    return gamma * nn.softmax(weights)
