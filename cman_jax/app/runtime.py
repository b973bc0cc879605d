"""Start-up that every program running a network shares, and its flag."""

import os
from pathlib import Path

import jax
from absl import flags

_CACHE = flags.DEFINE_string(
    "compilation_cache",
    str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "cman-jax" / "xla"),
    "Folder where compiled programs are kept, so that a second start compiles nothing; empty = keep none.",
)


def start_jax() -> None:
    """Call first in a main: turns the compilation cache on, and asynchronous execution on the CPU off.

    If a program runs asynchronously on the CPU and its result does not fit memory, JAX waits for the result
    for ever, or aborts the process. Executed in turn, it raises an error. What is lost is that a batch can be
    made ready, which takes a millisecond, while the batch before it is computed.
    """
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if _CACHE.value:
        jax.config.update("jax_compilation_cache_dir", str(Path(_CACHE.value).expanduser()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
