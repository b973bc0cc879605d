"""Weights in safetensors form."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from cman_jax.errors import InputError, missing_extra


def parse_weights(
    path: Path, content: bytes, shapes: dict[str, tuple[int, ...]]
) -> dict[str, Float[np.ndarray, "..."]]:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError:
        raise missing_extra(path, "a BERT encoder", "minilm") from None
    try:
        found = load(content)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type that NumPy lacks
        raise InputError(path, None, f"unreadable content ({error})", "weights in safetensors form") from None
    for name, shape in shapes.items():
        if name not in found:
            raise InputError(path, None, f"no {name}", f"an array {list(shape)}")
        array = found[name]
        if array.shape != shape or array.dtype != np.float32:
            what = f"{name} {list(array.shape)} {array.dtype}"
            raise InputError(path, None, what, f"{list(shape)} float32 as config.json says")
        if not np.isfinite(array).all():
            raise InputError(path, None, f"{name} with a number that is not finite", "finite numbers")
    return {name: found[name] for name in shapes}
