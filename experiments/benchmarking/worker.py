"""A process that hosts one framework and does as it is told, a JSON object a line in either direction.

{"command": "load", "framework": ..., "settings": ..., "cache": ...}  imports, reads the workload
{"command": "prepare", "case": ...}    first call, warm-up, how many steps a measurement takes
{"command": "run"}                     seconds per step, of one measurement
{"command": "costs"}                   floating-point operations of the latest program
{"command": "memory", "case": ...}     peak over a few steps of a new program
{"command": "train", "workdir": ...}   a whole run; answers and waits for {"command": "go"} before each epoch
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

MEASUREMENT_SECONDS = 0.2  # a measurement is repeated steps that take at least so long
WARM_UP_STEPS, LONG_STEP_SECONDS, MEMORY_STEPS = 3, 1.0, 3


class Worker:
    """The commands. Args: send, receive: one message to and from the harness."""

    def __init__(self, send: Callable[[dict], None], receive: Callable[[], dict]):
        self._send, self._receive = send, receive
        self._side: Any = None
        self._program: Callable[[int], None] = lambda steps: None
        self._steps = 1

    def answer(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Does what the command says."""
        match command:
            case "load":
                return self.load(**arguments)
            case "prepare":
                return self.prepare(Case(**arguments["case"]))
            case "run":
                return {"seconds": self._seconds(self._steps) / self._steps}
            case "costs":
                return self._side.costs()
            case "memory":
                return self.memory(Case(**arguments["case"]))
            case "train":
                return self.train(Path(arguments["workdir"]))
        raise ValueError(f"unknown command {command!r}")

    def load(self, framework: str, settings: dict[str, Any], cache: str | None) -> dict[str, Any]:
        """Imports the framework, timed, and reads the workload."""
        start = time.perf_counter()
        if is_jax(framework):
            from experiments.benchmarking.jax_side import JaxSide as Side

            if framework == "jax_alone":
                settings = {**settings, "population": 1}
        else:
            from experiments.benchmarking.torch_side import TorchSide

            Side = partial(TorchSide, framework)
        seconds = time.perf_counter() - start
        self._side = Side(Settings(**settings), cache)
        return {"import_seconds": seconds, **self._side.describe()}

    def prepare(self, case: Case) -> dict[str, Any]:
        """Makes the case's program and runs it until it is as fast as it gets.

        The first time is that of making it, compilation included, and of its first step.
        """
        self._program = lambda steps: None  # the earlier program's memory goes first
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
        """Peak of the process' resident memory, and of the device's memory where it has its own, in bytes."""
        _give_back_freed_memory()
        before = _status("VmRSS")
        program = self._side.program(case)
        program(1)
        program(1)
        self._side.reset_peak()
        _give_back_freed_memory()
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
        program(MEMORY_STEPS)
        peak = _status("VmHWM")
        return {"peak": peak, "increase": peak - before, "device_peak": self._side.peak_device_bytes()}

    def train(self, workdir: Path) -> dict[str, Any]:
        """A whole run, with a stop before every epoch."""
        from experiments.benchmarking.turnstile import Turnstile

        turnstile = Turnstile(self._send, self._receive)
        self._side.train(workdir, turnstile)
        return turnstile.result()

    def _seconds(self, steps: int) -> float:
        start = time.perf_counter()
        self._program(steps)
        return time.perf_counter() - start


def _give_back_freed_memory() -> None:
    """What imports and compilers have freed, the C library may still hold."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def serve() -> None:
    """Answers until the harness closes its end. What libraries print goes to stderr."""
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
