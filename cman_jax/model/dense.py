"""A linear layer whose products are always of two matrices."""

from flax import linen as nn
from jaxtyping import Array, Float


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
