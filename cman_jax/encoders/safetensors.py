"""Weights in the safetensors format, checked against the shapes that an encoder's network needs."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from cman_jax.errors import InputError, missing_extra


def parse_weights(
    path: Path, content: bytes, shapes: dict[str, tuple[int, ...]]
) -> dict[str, Float[np.ndarray, "..."]]:
    """Returns the named arrays of a safetensors file; all other arrays of the file are ignored.

    Args:
      path: the file, for error messages.
      content: the file's bytes.
      shapes: the shape of every array that is needed, by its name.

    Raises:
      InputError: the content is damaged, or the extra `minilm` is not installed. An array is missing, has
        another shape, is not float32, or contains a number that is not finite.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError:
        raise missing_extra(path, "a BERT encoder", "minilm") from None
    try:
        found = load(content)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a number type that NumPy lacks
        raise InputError(
            path, None, f"unreadable content ({error})", "weights in the safetensors format"
        ) from None
    for name, shape in shapes.items():
        if name not in found:
            raise InputError(path, None, f"no array {name}", f"one of shape {list(shape)}")
        array = found[name]
        if array.shape != shape or array.dtype != np.float32:
            what = f"{name} of shape {list(array.shape)} and type {array.dtype}"
            raise InputError(
                path, None, what, f"shape {list(shape)} and type float32, as config.json requires"
            )
        if not np.isfinite(array).all():
            raise InputError(path, None, f"a number in {name} that is not finite", "finite numbers")
    return {name: found[name] for name in shapes}
