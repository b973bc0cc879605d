"""Linear layers whose products are always of two matrices, or of a few pairs of them."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from cman_jax.layers.platform import by_platform


class Dense(nn.Module):
    """`x W + b` over the last axis, as `nn.Dense`, with all other axes laid end to end.

    For operands of more than two axes XLA on the CPU transposes copies for the gradient of W, which then
    takes twice as long. Attributes:
      features: width of the output.
      use_bias: whether there is a b.
    """

    features: int
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "*b d"]) -> Float[Array, "*b k"]:
        width = x.shape[-1]
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (width, self.features))
        y = x.reshape(-1, width) @ kernel
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros_init(), (self.features,))[None]
        return y.reshape(*x.shape[:-1], self.features)


@jax.custom_vjp
def batched_matmul(x: Float[Array, "g m e"], kernel: Float[Array, "g e k"]) -> Float[Array, "g m k"]:
    """`x[g] kernel[g]`, for operands with few g, such as the two directions of an LSTM."""
    return jnp.einsum("gme,gek->gmk", x, kernel)


def weight_gradient(x: Float[Array, "g m e"], d_y: Float[Array, "g m k"]) -> Float[Array, "g e k"]:
    """`x[g]^T d_y[g]`. The sum over the long axis m is one that cuBLAS deals out to a GPU's processors for a
    pair of matrices, but not for a stack of them."""

    def one_by_one(x: Array, d_y: Array) -> Array:
        return jnp.stack([a.T @ b for a, b in zip(x, d_y, strict=True)])

    return by_platform(x, d_y, cuda=one_by_one, default=lambda x, d_y: jnp.einsum("gme,gmk->gek", x, d_y))


def _product_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return batched_matmul(x, kernel), (x, kernel)


def _product_backward(residuals: tuple[Array, Array], d_y: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    return jnp.einsum("gmk,gek->gme", d_y, kernel), weight_gradient(x, d_y)


batched_matmul.defvjp(_product_forward, _product_backward)
