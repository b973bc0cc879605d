"""How every program that runs a network starts JAX, and the flag of the compilation cache."""

import sys
from pathlib import Path

from absl import flags

from cman_jax.compilation import default_cache, start

_CACHE = flags.DEFINE_string(
    "compilation_cache",
    str(default_cache()),
    "Folder for compiled programs, so that a second start compiles nothing; empty: no folder.",
)


def start_jax(num_devices: int = 1) -> None:
    """Prepares JAX as the flags say; a program calls it first.

    Args:
      num_devices: number of devices that a CPU is divided into; see `compilation.start`.
    """
    cache = Path(_CACHE.value) if _CACHE.value else None
    if unusable := start(cache, num_devices):
        print(f"note: programs are compiled anew each time, because of {cache}: {unusable}", file=sys.stderr)


def cache_if_given() -> str | None:
    """Returns the folder that the command line gives; None: each process takes its default."""
    return _CACHE.value if _CACHE.present else None
