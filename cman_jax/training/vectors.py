"""Trees of parameters or gradients in the form that the optimiser sees."""

from collections.abc import Callable
from typing import Any

from jax.flatten_util import ravel_pytree

from cman_jax.types import Params

Vectors = Any
"""One vector, or with trained layers of an encoder: "network", a vector, and "encoder", the layers' tree."""


def as_vectors(params: Params) -> tuple[Vectors, Callable[[Vectors], Params]]:
    """Returns a tree as vectors, and the function that turns such vectors back into a tree.

    The optimiser compiles one small program for the vector instead of one for each of fifty shapes, which
    took a sixth of the time to compile a step. The layers of an encoder stay as they are: they are so large
    that copying them into a vector and back takes several times as long as the update itself.

    Args:
      params: the parameters of a network, or gradients of them.
    """
    if "encoder" not in params:
        return ravel_pytree(params)
    network, unravel = ravel_pytree({name: part for name, part in params.items() if name != "encoder"})
    vectors = {"network": network, "encoder": params["encoder"]}
    return vectors, lambda changed: {**unravel(changed["network"]), "encoder": changed["encoder"]}
