"""A frozen encoder's layers, weighed: the task's own vector of each token (Peters et al., 2018, Eq. 1)."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float


class ScalarMix(nn.Module):
    """`γ Σ_l softmax(w)_l h_l`; starts as the mean of the layers. Attributes: num_layers: l."""

    num_layers: int

    @nn.compact
    def __call__(self, layers: Float[Array, "b l n d"]) -> Float[Array, "b n d"]:
        """Args: layers: in any precision; the mix is in float32."""
        weights = self.param("weights", nn.initializers.zeros_init(), (self.num_layers,))
        gamma = self.param("gamma", nn.initializers.ones_init(), ())
        return (layers.astype(jnp.float32) * layer_shares(weights, gamma)[None, :, None, None]).sum(1)


def layer_shares(weights: Float[Array, " l"], gamma: Float[Array, ""]) -> Float[Array, " l"]:
    """`γ softmax(w)`: by how much each layer is multiplied. The arguments are `ScalarMix`'s parameters."""
    return gamma * nn.softmax(weights)
