"""What is different on NVIDIA GPUs: formulas with a faster form there, and the settings of the compiler."""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import jax


def by_platform(*arguments: Any, cuda: Callable[..., Any], default: Callable[..., Any]) -> Any:
    """`cuda(*arguments)` in programs for NVIDIA GPUs, `default(*arguments)` in all others.

    Both give the same numbers up to rounding. A process without any GPU does not even trace the first.
    """
    if jax.default_backend() != "gpu":
        return default(*arguments)
    return jax.lax.platform_dependent(*arguments, cuda=cuda, default=default)


def kernel(module: str, name: str) -> Callable[..., Any]:
    """A function of a module that is imported when it is first called.

    The modules of kernels need Pallas, which takes a while to import and is of no use without a GPU.
    """
    return lambda *arguments: getattr(importlib.import_module(module), name)(*arguments)


@functools.cache
def num_processors() -> int:
    """Returns the number of the default GPU's multiprocessors, each of which runs one program at a time.

    Without a GPU, where kernels are only interpreted or lowered, the number is that of an H100 or H200.
    """
    return getattr(jax.local_devices()[0], "core_count", 132)
