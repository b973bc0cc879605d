"""The worst-case perturbation of the token input, Eq. (14)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def perturbation(
    gradient: Float[Array, "b n e"], mask: Bool[Array, "b n"], alpha: float
) -> Float[Array, "b n e"]:
    """Returns `η = ε g / ||g||` with `ε = alpha sqrt(e)`, Eq. (14).

    `||g||` is ONE norm per sentence, over tokens and width, as in the code of Bekoulis et al. (2018b). It
    makes η independent of the scale of the loss. η is zero at padding, and for a sentence whose gradient is
    zero. No gradient flows through η.

    Args:
      gradient: the gradient of the loss with respect to the token input before dropout. Values at padding are
        ignored.
      mask: True at real tokens.
      alpha: radius per square root of the input width; 0.01 for CoNLL04, 0.001 for ADE.
    """
    gradient = jax.lax.stop_gradient(gradient) * mask[:, :, None]
    # First scaled by its largest entry, because the squares of tiny gradients would vanish in float32.
    largest = jnp.max(jnp.abs(gradient), (1, 2), keepdims=True)
    scaled = gradient / jnp.where(largest > 0, largest, 1)
    norm = jnp.sqrt(jnp.sum(scaled**2, (1, 2), keepdims=True))
    epsilon = alpha * gradient.shape[-1] ** 0.5
    return epsilon * scaled / jnp.where(norm > 0, norm, 1)
