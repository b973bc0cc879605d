"""Flags and start-up that every program running a network shares."""

import os
from pathlib import Path
from typing import Any

import jax
from absl import flags

_CACHE = flags.DEFINE_string(
    "compilation_cache",
    str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "cman-jax" / "xla"),
    "Folder where compiled programs are kept, so that a second start compiles nothing; empty = keep none.",
)
_THRESHOLD = flags.DEFINE_float(
    "threshold", None, "A relation holds above this probability; default: the run's.", 0, 1
)
_ANCHOR = flags.DEFINE_enum(
    "anchor",
    None,
    ["last", "any"],
    "Which tokens of two entities make a relation; default: the run's.",
)
_BIO = flags.DEFINE_bool("bio_constraints", None, "Forbid ill-formed tag sequences; default: the run's.")
_LABELS = flags.DEFINE_enum(
    "labels",
    None,
    ["predicted", "gold"],
    "Tags that relations read: decoded ones, or those of annotated input (Table 3); default: the run's.",
)


def decoding_flags() -> dict[str, Any]:
    """The fields of `DecodingConfig` that the command line sets."""
    values = {
        "threshold": _THRESHOLD.value,
        "anchor": _ANCHOR.value,
        "bio_constraints": _BIO.value,
        "labels": _LABELS.value,
    }
    return {name: value for name, value in values.items() if value is not None}


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
