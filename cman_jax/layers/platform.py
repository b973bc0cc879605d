"""The choice of a faster form of a formula on NVIDIA GPUs."""

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

_CPU = Path("/proc/cpuinfo")


def by_platform(*arguments: Any, cuda: Callable[..., Any], default: Callable[..., Any]) -> Any:
    """Returns `cuda(*arguments)` in programs for NVIDIA GPUs, and `default(*arguments)` in all others.

    Both functions must return the same numbers up to rounding. A process without a GPU does not trace `cuda`.

    Args:
      *arguments: arguments of both functions.
      cuda: the form for NVIDIA GPUs.
      default: the form for all other devices.
    """
    if jax.default_backend() != "gpu":
        return default(*arguments)
    return jax.lax.platform_dependent(*arguments, cuda=cuda, default=default)


def kernel(module: str, name: str) -> Callable[..., Any]:
    """Returns a function whose module is imported at the first call.

    The modules of kernels need Pallas, which takes long to import and is useless without a GPU.

    Args:
      module: dotted name of the module.
      name: name of the function in the module.
    """
    return lambda *arguments: getattr(importlib.import_module(module), name)(*arguments)


@functools.cache
def has_fast_bfloat16() -> bool:
    """Returns whether the default device has units that multiply bfloat16 faster than float32.

    TPUs have them, NVIDIA GPUs from compute capability 8.0 on, and CPUs with AMX or AVX512-BF16. What a CPU
    has is read where Linux lists it.
    """
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        found = _CPU.read_text() if _CPU.is_file() else ""
        return bool({"amx_bf16", "avx512_bf16"} & set(found.split()))
    capability = getattr(device, "compute_capability", None)
    return device.platform == "tpu" or (capability is not None and float(capability) >= 8)


@functools.cache
def num_processors() -> int:
    """Returns the number of the default GPU's multiprocessors, each of which runs one program at a time.

    Without a GPU, where kernels are only interpreted or lowered, the number is that of an H100 or H200.
    """
    return getattr(jax.local_devices()[0], "core_count", 132)
