"""Tests that a call uses the program that was prepared for it, and compiles each program once."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array

from cman_jax.compilation import Ahead, compiler_threads
from tests.builders import compilations


@pytest.fixture
def busy() -> Iterator[tuple[Executor, threading.Event]]:
    """Yields a compiler with one thread, and the event until which the thread is busy."""
    free = threading.Event()
    with ThreadPoolExecutor(1) as compiler:
        compiler.submit(free.wait)
        yield compiler, free
        free.set()


def test_a_program_is_compiled_once_per_shape_and_before_the_call() -> None:
    ahead = Ahead(jax.jit(lambda a, n: a * n, static_argnums=1))
    with compilations("lambda") as compiled, compiler_threads() as compiler:
        for _ in range(2):
            ahead.prepare(compiler, jnp.ones(3), 2)
            ahead.prepare(compiler, jax.ShapeDtypeStruct((4,), jnp.float32), 2)
        assert [ahead(jnp.ones(n), 2).shape for n in (4, 3)] == [(4,), (3,)]
    assert len(compiled) == 2
    assert all(thread.startswith("compiler") for thread in compiled)
    with compilations("lambda") as compiled:
        ahead(jnp.ones(3), 3)
    assert compiled == [threading.current_thread().name]


def test_a_call_waits_for_its_program_and_does_not_trace_it_again() -> None:
    traced, tracing, may_continue = [], threading.Event(), threading.Event()

    def increment(x: Array) -> Array:
        traced.append(threading.current_thread().name)
        tracing.set()
        assert may_continue.wait(30)
        return x + 1

    ahead = Ahead(jax.jit(increment))
    with compiler_threads() as compiler, ThreadPoolExecutor(1) as other:
        ahead.prepare(compiler, jnp.ones(3))
        assert tracing.wait(30)
        value = other.submit(ahead, jnp.ones(3))
        may_continue.set()
        assert value.result(30)[0] == 2
    assert len(traced) == 1


def test_arguments_may_be_donated_before_their_program_is_compiled(
    busy: tuple[Executor, threading.Event],
) -> None:
    compiler, free = busy
    ahead = Ahead(jax.jit(lambda a, b: a + b.sum(), donate_argnums=0))
    state = jnp.ones(3)
    ahead.prepare(compiler, state, jnp.ones(2))
    later = ahead(state, jnp.ones(5))
    assert state.is_deleted()
    free.set()
    with compilations("lambda") as compiled:
        assert ahead(later, jnp.ones(2))[0] == 8
    assert len(compiled) == 1


def test_the_call_raises_the_error() -> None:
    def refuse(x: Array) -> Array:
        raise ValueError(f"not {x.shape}")

    ahead = Ahead(jax.jit(refuse))
    with compiler_threads() as compiler:
        ahead.prepare(compiler, jnp.ones(3))
        with pytest.raises(ValueError, match=r"not \(3,\)"):
            ahead(jnp.ones(3))


def test_the_call_compiles_what_was_not_begun(busy: tuple[Executor, threading.Event]) -> None:
    compiler, free = busy
    ahead = Ahead(jax.jit(lambda x: x + 1))
    ahead.prepare(compiler, jnp.ones(3))
    compiler.shutdown(wait=False, cancel_futures=True)
    assert ahead(jnp.ones(3))[0] == 2
    free.set()


def test_no_compilation_begins_after_the_end() -> None:
    begun, release = [], threading.Event()

    def task(number: int) -> None:
        begun.append(number)
        release.wait(30)

    def fail() -> None:
        with compiler_threads() as compiler:
            tasks.extend(compiler.submit(task, number) for number in range(1000))
            threading.Timer(0.1, release.set).start()
            raise RuntimeError("failed")

    tasks: list[Future] = []
    with pytest.raises(RuntimeError, match="failed"):
        fail()
    assert all(task.done() for task in tasks)
    assert len(begun) < 1000


@pytest.mark.parametrize(
    ("program", "environment", "cache"),
    [
        ("start_by_default()", {}, "{home}/cman-jax/xla"),
        ("start_by_default()", {"JAX_COMPILATION_CACHE_DIR": "/own"}, "/own"),
        ("start(); start_by_default()", {}, "None"),
        ("start(Path('/given')); start_by_default()", {}, "/given"),
    ],
    ids=["default", "from the environment", "a program without a cache", "a program with its own"],
)
def test_the_python_api_keeps_the_choice_of_a_cache(
    program: str, environment: dict[str, str], cache: str, tmp_path: Path
) -> None:
    lines = f"from pathlib import Path; from cman_jax.compilation import start, start_by_default; {program}"
    shown = f"{lines}; import jax; print(jax.config.jax_compilation_cache_dir)"
    inherited = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    variables = {**inherited, "XDG_CACHE_HOME": str(tmp_path), **environment}
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True, env=variables
    )
    assert done.stdout.strip() == cache.format(home=tmp_path)


CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("program", "devices"),
    [
        ("start()", 1),
        (f"start(num_devices={CORES})", CORES),
        (f"start(num_devices={CORES + 1})", 1),
        (f"jax.devices(); start(num_devices={CORES})", 1),
    ],
    ids=["by default", "one for each core", "more than cores", "too late"],
)
def test_a_cpu_is_divided_into_devices_of_at_least_a_core(program: str, devices: int) -> None:
    shown = f"import jax; from cman_jax.compilation import start; {program}; print(jax.device_count())"
    environment = {**os.environ, "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == str(devices)
