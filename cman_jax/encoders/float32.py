"""How pretrained encoders run: compiled, with no factor of a product rounded, on whatever device."""

import functools
from typing import Any

import jax
from flax import linen as nn

from cman_jax.types import Params


@functools.partial(jax.jit, static_argnums=0)
def apply_float32(module: nn.Module, params: Params, *inputs: Any) -> Any:
    """What the module says of the inputs; compiled once for equal modules and each shape of inputs."""
    # Features are kept on disk and serve every device, while accelerators would round of themselves.
    with jax.default_matmul_precision("float32"):
        return module.apply({"params": params}, *inputs)
