"""Linear layers that multiply either two matrices or a few pairs of matrices."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from cman_jax.layers.platform import by_platform


class Dense(nn.Module):
    """A linear layer `x W + b` over the last axis, like `nn.Dense`, with all other axes flattened to one.

    For operands with more than two axes, XLA on the CPU transposes copies for the gradient of W, which then
    takes twice as long.

    Attributes:
      features: width of the output.
      use_bias: whether b is added.
    """

    features: int
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Float[Array, "*b d"]) -> Float[Array, "*b k"]:
        """Returns `x W + b`."""
        width = x.shape[-1]
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (width, self.features))
        y = x.reshape(-1, width) @ kernel
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros_init(), (self.features,))[None]
        return y.reshape(*x.shape[:-1], self.features)


@jax.custom_vjp
def batched_matmul(x: Float[Array, "g m e"], kernel: Float[Array, "g e k"]) -> Float[Array, "g m k"]:
    """Computes `x[g] kernel[g]` for a small number of g, such as the two directions of an LSTM.

    Args:
      x: the left matrices.
      kernel: the right matrices, whose gradient is `weight_gradient`.
    """
    return jnp.einsum("gme,gek->gmk", x, kernel)


def weight_gradient(x: Float[Array, "g m e"], d_y: Float[Array, "g m k"]) -> Float[Array, "g e k"]:
    """Computes `x[g]^T d_y[g]`, the gradient of `kernel` in `batched_matmul`.

    For a single pair of matrices, cuBLAS divides the sum over the long axis m among a GPU's processors. It
    does not divide the sum for a stack of matrices, so on GPUs the pairs are multiplied one by one.

    Args:
      x: the left matrices of `batched_matmul`.
      d_y: the gradient of its result.
    """

    def one_by_one(x: Array, d_y: Array) -> Array:
        return jnp.stack([a.T @ b for a, b in zip(x, d_y, strict=True)])

    return by_platform(x, d_y, cuda=one_by_one, default=lambda x, d_y: jnp.einsum("gme,gmk->gek", x, d_y))


def _product_forward(x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    """Returns the result of `batched_matmul`, and the arrays that the backward pass needs."""
    return batched_matmul(x, kernel), (x, kernel)


def _product_backward(residuals: tuple[Array, Array], d_y: Array) -> tuple[Array, Array]:
    """Returns the gradients of both operands, from the gradient of the result."""
    x, kernel = residuals
    return jnp.einsum("gmk,gek->gme", d_y, kernel), weight_gradient(x, d_y)


batched_matmul.defvjp(_product_forward, _product_backward)
