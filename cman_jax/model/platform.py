"""Where a formula has a second form that is faster on NVIDIA GPUs, the choice between the two."""

from collections.abc import Callable
from typing import Any

import jax


def choose(*arguments: Any, cuda: Callable[..., Any], default: Callable[..., Any]) -> Any:
    """`cuda(*arguments)` in programs for NVIDIA GPUs, `default(*arguments)` in all others.

    Both give the same numbers up to rounding. A process without any GPU does not even trace the first.
    """
    if jax.default_backend() != "gpu":
        return default(*arguments)
    return jax.lax.platform_dependent(*arguments, cuda=cuda, default=default)
