"""The way to run a pretrained encoder: compiled, and with float32 matrix products on every device."""

from typing import Any

import jax
from flax import linen as nn

from cman_jax.programs import KeptProgram
from cman_jax.types import Params


def apply_float32(module: nn.Module, params: Params, *inputs: Any) -> Any:
    """Returns the output of a module without rounding the factors of its products.

    A program is compiled once for equal modules and each shape of the inputs.

    Args:
      module: the encoder's network.
      params: the parameters of the module.
      inputs: the arguments that the module is called with.
    """
    return _PROGRAMS(module, params, *inputs)


def _apply(module: nn.Module, params: Params, *inputs: Any) -> Any:
    # Stored features are used on every device, but accelerators round factors by default.
    with jax.default_matmul_precision("float32"):
        return module.apply({"params": params}, *inputs)


_PROGRAMS = KeptProgram(_apply)
