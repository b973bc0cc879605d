"""The process that starts one worker per framework and runs the workers in turns.

Because of the turns, noise affects all frameworks alike. All workers use the same cores, and only one of them
is busy at a time. After its turn a worker's threads keep spinning for a while. A pause between two turns lets
them go to sleep.
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

PAUSE_SECONDS = 0.25  # OpenMP's threads spin for up to 0.2 s after their work
_ROOT = Path(__file__).resolve().parents[2]


class Bench(NamedTuple):
    """One benchmark.

    Attributes:
      settings: the settings that all workers share.
      frameworks: the frameworks to be measured, each from `settings.FRAMEWORKS`.
      repetitions: measurements of each case.
    """

    settings: Settings
    frameworks: tuple[str, ...]
    repetitions: int


class Process:
    """A worker process as the harness sees it; a context manager that ends the process on exit.

    Args:
      framework: the framework that the worker runs.
      settings: the settings of the benchmark.
      cache: the folder for compiled programs; None: compiled programs are not kept.

    Attributes:
      framework: the framework that the worker runs.
      description: the worker's answer to the command "load": versions, device and import time.
    """

    def __init__(self, framework: str, settings: Settings, cache: Path | None):
        self.framework = framework
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  `close` closes it
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
        """Sends a command to the worker and returns the worker's answer.

        Args:
          command: one of the commands in the docstring of `worker.py`.
          arguments: the arguments of the command.

        Raises:
          InputError: the worker does not support the settings or the case.
          RuntimeError: the worker failed, because of a bug or a fault of the machine.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # a worker that has ended is reported below
            self._process.stdin.write(json_text({"command": command, **arguments}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"failed": f"the process ended during the command {command!r}"}
        if "refused" in answer:
            raise InputError(*answer["refused"])
        if "failed" in answer:
            self._errors.seek(0)
            last = "".join(self._errors.readlines()[-20:])
            raise RuntimeError(f"the {self.framework} worker failed: {answer['failed']}\n{last}")
        return answer

    def close(self) -> None:
        """Ends the process and deletes its captured error output."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextlib.contextmanager
def all_at_once(bench: Bench) -> Iterator[dict[str, Process]]:
    """Starts a worker for each framework and ends all of them on exit.

    Args:
      bench: the benchmark.

    Raises:
      InputError: the workers run on different kinds of devices, or one does not support the settings.
    """
    with tempfile.TemporaryDirectory() as compiled, contextlib.ExitStack() as stack:
        workers = {}
        for name in bench.frameworks:
            cache = None if is_jax(name) else Path(compiled) / name
            workers[name] = stack.enter_context(Process(name, bench.settings, cache))
        platforms = {name: worker.description["platform"] for name, worker in workers.items()}
        if len(set(platforms.values())) > 1:
            found = ", ".join(f"{name} on {platform}" for name, platform in platforms.items())
            expected = "the same device for all; for the CPU set JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES=''"
            raise InputError("flags", None, found, expected)
        yield workers


def in_turns(workers: Mapping[str, Process], case: Case, repetitions: int) -> dict[str, dict[str, Any]]:
    """Measures one case with all workers in turns.

    Args:
      workers: the workers, by framework.
      case: the program to be timed.
      repetitions: turns of each worker; one turn is one measurement.

    Returns:
      For each framework the answer to "prepare" and "seconds": the seconds per step of every repetition.
    """
    results: dict[str, dict[str, Any]] = {}
    for name, worker in workers.items():
        results[name] = {**worker.ask("prepare", case=dataclasses.asdict(case)), "seconds": []}
    for _ in range(repetitions):
        for name, worker in workers.items():
            time.sleep(PAUSE_SECONDS)
            results[name]["seconds"].append(worker.ask("run")["seconds"])
    return results


def train_in_turns(workers: Mapping[str, Process], epochs: int) -> dict[str, dict[str, Any]]:
    """Trains one whole run per worker, one epoch at a time in turns.

    Args:
      workers: the workers, by framework.
      epochs: epochs of each run; the settings' config must have the same number.

    Returns:
      For each framework the worker's description and `Turnstile.result` of the run.
    """
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, worker in workers.items():
            time.sleep(PAUSE_SECONDS)
            worker.ask("train", workdir=str(Path(folder) / name))
        for _ in range(epochs):
            for name, worker in workers.items():
                time.sleep(PAUSE_SECONDS)
                results[name] = worker.ask("go")  # the answer after the last epoch is the result
    return {name: {**workers[name].description, **result} for name, result in results.items()}


def _environment(framework: str, settings: Settings, cache: Path | None) -> dict[str, str]:
    """Returns the environment variables of a worker.

    A worker imports this checkout's code. By default a JAX worker takes 40 % of a GPU's memory, because all
    workers share the GPU. `torch.compile` stores its programs in `cache`.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(_ROOT), os.environ.get("PYTHONPATH", ""))),
    }
    if is_jax(framework):
        environment.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.4")
    else:
        environment["JAX_PLATFORMS"] = "cpu"  # PyTorch's worker needs JAX only to read the parameters
        environment["OMP_NUM_THREADS"] = str(settings.num_threads)
        if cache is not None:
            environment["TORCHINDUCTOR_CACHE_DIR"] = str(cache)
    return environment
