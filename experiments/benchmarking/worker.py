"""The process that runs one framework at the harness's command.

Commands and answers are JSON objects, one per line.

{"command": "load", "framework": ..., "settings": ..., "cache": ...}  imports a framework, reads the workload
{"command": "prepare", "case": ...}    builds and warms up a program, chooses the steps per measurement
{"command": "run"}                     returns the seconds per step of one measurement
{"command": "costs"}                   returns the floating-point operations of the latest program
{"command": "operations", "case": ..., "steps": ...}  returns the milliseconds by kinds of operations, for JAX
{"command": "memory", "case": ...}     returns the peak memory over a few steps of a new program
{"command": "train", "workdir": ...}   trains a whole run; before each epoch it answers and waits for
                                       {"command": "go"}
"""

import ctypes
import gc
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import json_text
from experiments.benchmarking.settings import Case, Settings, is_jax

MEASUREMENT_SECONDS = 0.2  # a measurement repeats the step for at least this long
WARM_UP_STEPS, LONG_STEP_SECONDS, MEMORY_STEPS = 3, 1.0, 3


def _own(framework: str, num_threads: int) -> dict[str, Any]:
    """Returns the settings in which a form of JAX differs from "jax"."""
    forms = {
        "jax_alone": {"population": 1},
        "jax_float32": {"precision": "float32"},
        "jax_devices": {"num_devices": num_threads},
    }
    return forms.get(framework, {})


class Worker:
    """The commands of a worker.

    Args:
      send: sends a message to the harness.
      receive: waits for the harness's next message and returns it.
    """

    def __init__(self, send: Callable[[dict], None], receive: Callable[[], dict]):
        self._send, self._receive = send, receive
        self._side: Any = None
        self._program: Callable[[int], None] = lambda steps: None
        self._steps = 1

    def answer(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Executes a command and returns its result.

        Args:
          command: the name of the command.
          arguments: the arguments of the command.

        Raises:
          InputError: the framework does not support the settings or the case.
          ValueError: the command is unknown.
        """
        match command:
            case "load":
                return self.load(**arguments)
            case "prepare":
                return self.prepare(Case(**arguments["case"]))
            case "run":
                return {"seconds": self._seconds(self._steps) / self._steps}
            case "costs":
                return self._side.costs()
            case "operations":
                return self._side.operations(Case(**arguments["case"]), arguments["steps"])
            case "memory":
                return self.memory(Case(**arguments["case"]))
            case "train":
                return self.train(Path(arguments["workdir"]))
        raise ValueError(f"unknown command {command!r}")

    def load(self, framework: str, settings: dict[str, Any], cache: str | None) -> dict[str, Any]:
        """Imports the framework and reads the workload.

        Args:
          framework: a name from `settings.FRAMEWORKS`.
          settings: the fields of `Settings`.
          cache: the folder for compiled programs; None: compiled programs are not kept.

        Returns:
          The seconds of the import and the description of the framework and its device.
        """
        start = time.perf_counter()
        if is_jax(framework):
            from experiments.benchmarking.jax_side import JaxSide as Side

            settings = {**settings, **_own(framework, settings["num_threads"])}
        else:
            from experiments.benchmarking.torch_side import TorchSide

            Side = partial(TorchSide, framework)
        seconds = time.perf_counter() - start
        self._side = Side(Settings(**settings), cache)
        return {"import_seconds": seconds, **self._side.describe()}

    def prepare(self, case: Case) -> dict[str, Any]:
        """Builds the program of a case, runs its first step and warms it up.

        Args:
          case: the program to be timed.

        Returns:
          "first_seconds", the time to build, compile and run the first step, and "steps" per measurement.
        """
        self._program = lambda steps: None  # frees the memory of the earlier program
        start = time.perf_counter()
        self._program = self._side.program(case)
        step = self._seconds(1)
        first = time.perf_counter() - start
        for _ in range(WARM_UP_STEPS):
            step = self._seconds(1)
            if step > LONG_STEP_SECONDS:
                break
        self._steps = math.ceil(MEASUREMENT_SECONDS / max(step, 1e-6))
        return {"first_seconds": first, "steps": self._steps}

    def memory(self, case: Case) -> dict[str, Any]:
        """Measures the peak memory of a few training steps, in bytes.

        Args:
          case: the program to be measured.

        Returns:
          "peak", the peak of the process's resident memory; "increase", its growth since before the program
          was built; "device_peak", the peak of the device's own memory, or None on the CPU.
        """
        _give_back_freed_memory()
        before = _status("VmRSS")
        program = self._side.program(case)
        program(1)
        program(1)
        self._side.reset_peak()
        _give_back_freed_memory()
        Path("/proc/self/clear_refs").write_text("5")  # resets the kernel's peak (VmHWM) to the present value
        program(MEMORY_STEPS)
        peak = _status("VmHWM")
        return {"peak": peak, "increase": peak - before, "device_peak": self._side.peak_device_bytes()}

    def train(self, workdir: Path) -> dict[str, Any]:
        """Trains a whole run and waits for the harness before every epoch.

        Args:
          workdir: the folder of the run.

        Returns:
          The result of `Turnstile.result`.
        """
        from experiments.benchmarking.turnstile import Turnstile

        turnstile = Turnstile(self._send, self._receive)
        self._side.train(workdir, turnstile)
        return turnstile.result()

    def _seconds(self, steps: int) -> float:
        """Returns the seconds that the program takes for `steps` steps."""
        start = time.perf_counter()
        self._program(steps)
        return time.perf_counter() - start


def _give_back_freed_memory() -> None:
    """Returns freed memory to the operating system, which the C library may still hold for reuse."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> int:
    """Returns a field of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def serve() -> None:
    """Answers commands until the harness closes the pipe; output that libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        answers.write(json_text(message) + "\n")
        answers.flush()

    def receive() -> dict[str, Any]:
        line = sys.stdin.readline()
        if not line:
            raise SystemExit
        return json.loads(line)

    worker = Worker(send, receive)
    while True:
        request = receive()
        try:
            send(worker.answer(**request))
        except InputError as error:
            send({"refused": [error.path, error.line, error.found, error.expected]})
        except Exception:
            send({"failed": traceback.format_exc()})


if __name__ == "__main__":
    serve()
