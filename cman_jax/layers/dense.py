"""A linear layer."""

from flax import linen as nn
from jaxtyping import Array, Float

from cman_jax.layers.products import matmul


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
        y = matmul(x.reshape(-1, width), kernel)
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros_init(), (self.features,))[None]
        return y.reshape(*x.shape[:-1], self.features)
