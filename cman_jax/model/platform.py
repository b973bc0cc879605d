"""What is different on NVIDIA GPUs: formulas with a faster form there, and the settings of the compiler."""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import jax

_GPU_OPTIONS = {
    # Trying Triton's kernels for every product and fusion takes minutes; both have others.
    "xla_gpu_enable_triton_gemm": False,
    "xla_gpu_experimental_enable_fusion_autotuner": False,
}


def choose(*arguments: Any, cuda: Callable[..., Any], default: Callable[..., Any]) -> Any:
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
def compiler_options() -> dict[str, Any]:
    """For `jax.jit`, on this process' default device: those of the settings above that its compiler knows."""
    if jax.default_backend() != "gpu":
        return {}
    return {name: value for name, value in _GPU_OPTIONS.items() if _is_known({name: value})}


def _is_known(options: dict[str, Any]) -> bool:
    try:
        jax.jit(lambda x: x + 1, compiler_options=options).lower(1.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
