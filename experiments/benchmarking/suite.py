"""Suites of benchmarks: all questions about one kind of machine, the most important first, in a limited time.

Each part is a command with a process and a log of its own. `suite.json` names the parts that are finished, so
that a suite that was interrupted continues with the others.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.files import read_json, write_atomically, write_json
from experiments.benchmarking import report

_ROOT = Path(__file__).resolve().parents[2]
_CONCURRENT = {"XLA_FLAGS": "--xla_gpu_command_buffer_scheduling_mode=CONCURRENT"}
_EAGER, _GRAPHS = "jax,torch", "jax,torch,torch_cudagraphs"
_TIMED = {"batch_size": "32,8,128", "length": "64", "repetitions": "5"}
_ONE = {"batch_size": "32", "length": "64"}
_CORNERS = {"batch_size": "8,32", "length": "32,96", "repetitions": "3"}
_GRID = {"batch_size": "8,16,32", "length": "32,64,96", "repetitions": "3"}


_FINAL = ("done", "refused")
_SECONDS_BETWEEN_LOOKS = 0.1


class Part(NamedTuple):
    """A command of a suite.

    Attributes:
      name: the name of its files.
      flags: the flags of `experiments.benchmark`; without flags the part is a test.
      tests: the file of tests that the part runs instead.
      environment: environment variables of the command.
    """

    name: str
    flags: Mapping[str, str] = {}
    tests: str = ""
    environment: Mapping[str, str] = {}


def _timed(what: str, precision: str, frameworks: str, shapes: Mapping[str, str], **more: str) -> Part:
    """Returns a part that times steps in a precision."""
    flags = {"what": what, "precision": precision, "frameworks": frameworks, **shapes, **more}
    return Part(f"{what}_{precision}", flags)


def _population(members: int) -> Part:
    """Returns a part that trains several networks as one program, and one alone."""
    flags = {"what": "train_step", "frameworks": "jax,jax_alone", "population": str(members)}
    return Part(f"population_{members}", {**flags, "batch_size": "8", "length": "44", "repetitions": "5"})


_CONCURRENT_STEP = {"what": "train_step", "frameworks": "jax", **_ONE, "repetitions": "5"}
_COMPILED = {"what": "train_step", "frameworks": "jax,torch_compile", **_ONE, "repetitions": "5"}
_COSTS = {"what": "memory,compile", "frameworks": _EAGER}

SUITES: dict[str, tuple[float, tuple[Part, ...]]] = {
    "gpu": (
        9.0,
        (
            _timed("train_step", "float32", _GRAPHS, _TIMED),
            _timed("inference", "float32", _GRAPHS, _TIMED),
            _timed("train_step", "bfloat16", "jax,jax_float32,torch,torch_cudagraphs", _TIMED),
            _timed("train_step", "tf32", _GRAPHS, _TIMED),
            Part("kernels", tests="tests/layers/test_gpu_forms.py"),
            Part("concurrent", _CONCURRENT_STEP, environment=_CONCURRENT),
            Part("concurrent_numbers", tests="tests/training/test_step.py", environment=_CONCURRENT),
            *map(_population, (20, 5, 50)),
            Part("costs", {**_COSTS, **_ONE}),
            Part("epoch", {"what": "epoch", "frameworks": _EAGER, "epochs": "2"}),
            Part("train_step_compiled", _COMPILED),
        ),
    ),
    "cpu": (
        15.0,
        (
            _timed("train_step", "float32", _EAGER, _GRID),
            _timed("inference", "float32", _EAGER, _GRID),
            _timed("train_step", "bfloat16", "jax,jax_float32,torch", _CORNERS),
            _timed("inference", "bfloat16", "jax,jax_float32,torch", _CORNERS),
            Part("epoch", {"what": "epoch", "frameworks": _EAGER, "epochs": "2"}),
            Part("costs", {**_COSTS, "batch_size": "16", "length": "64"}),
        ),
    ),
}
"""For each kind of machine the minutes that its suite may take, and its parts."""


def run_suite(name: str, out: Path, minutes: float, given: Mapping[str, str], others: Sequence[str]) -> None:
    """Runs the parts of a suite that are not finished, and prints a table of all parts.

    Args:
      name: a name in `SUITES`.
      out: the folder for results, logs and the table, `summary.txt`.
      minutes: the time for this call; the part that is running then is ended, and keeps its results so far.
      given: flags that replace those of the parts that have them.
      others: arguments that are added to those of every benchmark.
    """
    out.mkdir(parents=True, exist_ok=True)
    path, end, (_, parts) = out / "suite.json", time.monotonic() + 60 * minutes, SUITES[name]
    finished: dict[str, Any] = read_json(path) if path.is_file() else {}
    for part in parts:
        start = time.monotonic()
        if finished.get(part.name, {}).get("outcome") in _FINAL or start >= end:
            continue
        print(f"\n== {part.name}", flush=True)
        command = _command(part, out, given, others)
        outcome = _run(command, part.environment, out / f"{part.name}.log", end)
        finished[part.name] = {"outcome": outcome, "seconds": round(time.monotonic() - start, 1)}
        write_json(path, finished)
    table = "\n".join(_row(part, out, finished.get(part.name)) for part in parts)
    write_atomically(out / "summary.txt", f"{table}\n".encode())
    print(f"\n{table}", flush=True)


def _command(part: Part, out: Path, given: Mapping[str, str], others: Sequence[str]) -> list[str]:
    """Returns the command of a part."""
    if part.tests:
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", part.tests]
    flags = {**part.flags, **{flag: value for flag, value in given.items() if flag in part.flags}}
    arguments = [f"--{flag}={value}" for flag, value in flags.items()]
    result = f"--out={(out / part.name).absolute()}.json"
    return [sys.executable, "-m", "experiments.benchmark", *arguments, *others, result]


def _run(command: Sequence[str], environment: Mapping[str, str], log: Path, end: float) -> str:
    """Runs a command, shows what it prints, and returns its outcome.

    Args:
      command: the command.
      environment: environment variables to add.
      log: the file that keeps what it prints.
      end: when it is ended, with all its processes, on the clock `time.monotonic`.

    Returns:
      "done", "refused" if this device cannot run it, "failed", or "out of time".
    """
    with log.open("w") as printed, log.open() as shown:
        process = subprocess.Popen(
            command,
            stdout=printed,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        try:
            while (status := process.poll()) is None and time.monotonic() < end:
                time.sleep(_SECONDS_BETWEEN_LOOKS)
                print(shown.read(), end="", flush=True)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        print(shown.read(), end="", flush=True)
    return "out of time" if status is None else {0: "done", 2: "refused"}.get(status, "failed")


def _row(part: Part, out: Path, found: Mapping[str, Any] | None) -> str:
    """Returns a line of the table: the part, its outcome, and its geometric means or its last result.

    Args:
      part: the part.
      out: the folder of the results.
      found: the part's entry in `suite.json`; None: not begun.
    """
    if found is None:
        return f"{part.name:<22} not begun"
    results = out / f"{part.name}.json"
    means = read_json(results).get(part.flags.get("what"), {}) if results.is_file() else {}
    if isinstance(means, dict) and means.get("geometric_mean"):
        text = report.overall_line(means["geometric_mean"])
    else:
        lines = (out / f"{part.name}.log").read_text().splitlines()
        text = next((line for line in reversed(lines) if line and not line.startswith("plot: ")), "")
    return f"{part.name:<22} {found['outcome']:<12} {found['seconds']:>6.1f} s  {text}"
