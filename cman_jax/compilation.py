"""The compiler's settings, and functions whose programs are compiled before they are needed."""

import functools
import os
import time
import warnings
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax

from cman_jax.cache import cache_folder
from cman_jax.memory import TO_PREDICT, read_limits, refuse_too_little

_GPU_OPTIONS = {
    # Trying Triton's kernels for every product and fusion takes minutes. Both have other kernels.
    "xla_gpu_enable_triton_gemm": False,
    "xla_gpu_experimental_enable_fusion_autotuner": False,
}


@functools.cache
def compiler_options() -> dict[str, Any]:
    """Returns the settings of `_GPU_OPTIONS` that the compiler of this process's default device knows.

    The result is an argument of `jax.jit`. It is empty on devices other than GPUs.
    """
    if jax.default_backend() != "gpu":
        return {}
    return {name: value for name, value in _GPU_OPTIONS.items() if _is_known({name: value})}


def _is_known(options: dict[str, Any]) -> bool:
    """Returns whether the compiler accepts the settings."""
    try:
        jax.jit(lambda x: x + 1, compiler_options=options).lower(1.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


_started = False  # whether `start` has been called in this process
_MOST_THREADS = 8
_BYTES_OF_THREAD = 800 * 2**20  # compiling one program of CMAN takes as much


class Ahead:
    """A jitted function whose programs can be compiled before the function is called.

    JAX shares one cache of programs between all threads, so a call finds the program for its shapes.

    Args:
      function: the result of `jax.jit`.

    Attributes:
      seconds_waited: how long calls have waited for compilations that were started beforehand.
    """

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._compiling: dict[Hashable, Future] = {}
        self.seconds_waited = 0.0

    def prepare(self, compiler: Executor, *arguments: Any, **options: Any) -> None:
        """Starts compiling the program for arguments of these shapes, unless it was started before.

        An error of this compilation is dropped. The later call compiles the program again, without other
        compilations beside it, and raises the error if it occurs again.

        Args:
          compiler: the threads that compile.
          *arguments: arguments of the function, or their shapes and types.
          **options: keyword arguments of the function.
        """

        def compile_program() -> None:
            self._function.lower(*arguments, **options).compile()

        shapes = shapes_of(*arguments, **options)
        if shapes not in self._compiling:
            self._compiling[shapes] = compiler.submit(compile_program)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Returns the function's value, after its program is compiled if a compilation was started."""
        if self._compiling:
            compiling = self._compiling.pop(shapes_of(*arguments, **options), None)
            if compiling:
                start = time.perf_counter()
                with suppress(CancelledError):
                    compiling.exception()
                self.seconds_waited += time.perf_counter() - start
        return self._function(*arguments, **options)


def start(cache: Path | None = None, num_devices: int = 1) -> str | None:
    """Prepares JAX: asynchronous execution on the CPU off, and optionally the compilation cache and devices.

    If a program runs asynchronously on the CPU and its result does not fit memory, JAX waits for the result
    for ever, or aborts the process. Without it, the program raises an error. What is lost is that a batch can
    be made ready, which takes a millisecond, while the batch before it is computed.

    Args:
      cache: the folder for compiled programs, so that a second start compiles nothing. None, or a folder that
        cannot be used: no folder.
      num_devices: number of devices that a CPU is divided into, if it has as many cores and JAX has not
        begun to use it. 1: as many as `XLA_FLAGS` says, which is one device of all cores by default.

    Returns:
      Why the folder cannot be used; None: it can, or there is none.

    Raises:
      InputError: the process may use too little memory to compile a program.
    """
    refuse_too_little(read_limits(), TO_PREDICT)
    global _started
    _started = True
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    unusable = None if cache is None else _make_cache(cache)
    if cache is not None and unusable is None:
        jax.config.update("jax_compilation_cache_dir", str(cache.expanduser()))
        if not os.access(cache.expanduser(), os.W_OK):  # it is only read
            warnings.filterwarnings("ignore", "Error writing persistent compilation cache")
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    if 1 < num_devices <= num_cores():
        with suppress(RuntimeError):  # JAX has its devices already
            jax.config.update("jax_num_cpu_devices", num_devices)
    return unusable


def start_by_default() -> None:
    """Prepares JAX for users of the Python API, unless a program has called `start` and made its own choice.

    A compilation cache that JAX has already, such as from its environment variable, is kept.
    """
    if not _started:
        start(None if jax.config.jax_compilation_cache_dir else default_cache())


def _make_cache(cache: Path) -> str | None:
    """Makes the folder of a cache unless it exists; returns why it cannot be used, or None."""
    folder = cache.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        return "it is not a folder"
    except OSError as error:
        return error.strerror
    return None if os.access(folder, os.R_OK | os.X_OK) else "it cannot be read"


def default_cache() -> Path:
    """Returns the user's folder for compiled programs."""
    return cache_folder("xla")


@contextmanager
def compiler_threads() -> Iterator[Executor]:
    """Yields threads for `prepare`: one for each core, at most `_MOST_THREADS`, fewer if memory is limited.

    When the `with` block ends, compilations that have not begun are cancelled.
    """
    memory = read_limits().memory
    fitting = _MOST_THREADS if memory is None else max(1, memory // _BYTES_OF_THREAD - 1)
    threads = ThreadPoolExecutor(min(num_cores(), _MOST_THREADS, fitting), thread_name_prefix="compiler")
    try:
        yield threads
    finally:
        threads.shutdown(cancel_futures=True)


def num_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shapes_of(*arguments: Any, **options: Any) -> Hashable:
    """Returns a key that is equal for arguments that the same program serves.

    Args:
      *arguments: arguments of a jitted function, or the shapes and types of their arrays.
      **options: keyword arguments.
    """
    leaves, structure = jax.tree.flatten((arguments, options))
    return structure, tuple((x.shape, x.dtype) if hasattr(x, "shape") else x for x in leaves)
