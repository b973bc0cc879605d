"""Random arrays that are the same everywhere."""

from typing import Any

import numpy as np


def normal(seed: int, *shape: int, scale: float = 1.0, dtype: Any = np.float32) -> Any:
    """Returns reproducible Gaussian numbers."""
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype(dtype)
