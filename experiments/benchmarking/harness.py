"""Starts a worker process per framework and gives them turns, so that noise meets all of them alike.

Only one worker is busy at a time, all on the same cores; between two turns there is a pause in which the
threads of the last one, which go on waiting actively for a while, have gone to sleep.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import json_text
from experiments.benchmarking.settings import Case, Settings, is_jax

PAUSE_SECONDS = 0.25  # OpenMP's threads spin for up to 0.2 s
_ROOT = Path(__file__).resolve().parents[2]


class Bench(NamedTuple):
    """Who is measured, on what, how often."""

    settings: Settings
    frameworks: tuple[str, ...]
    repetitions: int


class Process:
    """A worker, seen from outside. A context manager; leaving it ends the process.

    Args:
      cache: folder of compiled programs; None = keep none.
    """

    def __init__(self, framework: str, settings: Settings, cache: Path | None):
        self.framework = framework
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed in close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "experiments.benchmarking.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=_environment(framework, settings, cache),
        )
        values = dataclasses.asdict(settings)
        try:
            folder = None if cache is None else str(cache)
            self.description = self.ask("load", framework=framework, settings=values, cache=folder)
        except BaseException:
            self.close()
            raise

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Its answer to a command.

        Raises:
          InputError: it cannot do that.
          RuntimeError: it failed, for a mistake of ours or a fault of the machine.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it died: its silence is reported below
            self._process.stdin.write(json_text({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"failed": f"it ended while at {command}"}
        if "refused" in answer:
            raise InputError(*answer["refused"])
        if "failed" in answer:
            self._errors.seek(0)
            last = "".join(self._errors.readlines()[-20:])
            raise RuntimeError(f"the {self.framework} worker: {answer['failed']}\n{last}")
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextlib.contextmanager
def all_at_once(bench: Bench) -> Iterator[dict[str, Process]]:
    """A worker of each framework; they must have found the same kind of device."""
    with tempfile.TemporaryDirectory() as compiled, contextlib.ExitStack() as stack:
        workers = {}
        for name in bench.frameworks:
            cache = None if is_jax(name) else Path(compiled) / name
            workers[name] = stack.enter_context(Process(name, bench.settings, cache))
        platforms = {name: worker.description["platform"] for name, worker in workers.items()}
        if len(set(platforms.values())) > 1:
            found = ", ".join(f"{name} on {platform}" for name, platform in platforms.items())
            expected = "one device for all; for the CPU set JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES=''"
            raise InputError("flags", None, found, expected)
        yield workers


def in_turns(workers: Mapping[str, Process], case: Case, repetitions: int) -> dict[str, dict[str, Any]]:
    """Every framework's first call, and seconds per step of each repetition."""
    results: dict[str, dict[str, Any]] = {}
    for name, worker in workers.items():
        results[name] = {**worker.ask("prepare", case=dataclasses.asdict(case)), "seconds": []}
    for _ in range(repetitions):
        for name, worker in workers.items():
            time.sleep(PAUSE_SECONDS)
            results[name]["seconds"].append(worker.ask("run")["seconds"])
    return results


def train_in_turns(workers: Mapping[str, Process], epochs: int) -> dict[str, dict[str, Any]]:
    """Whole runs, epoch by epoch."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, worker in workers.items():
            time.sleep(PAUSE_SECONDS)
            worker.ask("train", workdir=str(Path(folder) / name))
        for _ in range(epochs):
            for name, worker in workers.items():
                time.sleep(PAUSE_SECONDS)
                results[name] = worker.ask("go")  # the last answer is the result
    return {name: {**workers[name].description, **result} for name, result in results.items()}


def _environment(framework: str, settings: Settings, cache: Path | None) -> dict[str, str]:
    """The worker imports this very code; frameworks share a GPU's memory; torch.compile has a cache dir."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", ""))),
    }
    if is_jax(framework):
        environment.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.4")
    else:
        environment["JAX_PLATFORMS"] = "cpu"  # it reads the parameters
        environment["OMP_NUM_THREADS"] = str(settings.num_threads)
        if cache is not None:
            environment["TORCHINDUCTOR_CACHE_DIR"] = str(cache)
    return environment
