"""Commands in children of one process that has imported the slow modules, which takes seconds each time."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.documents import ROOT


class Forked:
    """The process, which ends with the `with` block.

    A command whose real start matters is run by `workplace.run` instead.

    Args:
      folder: an empty folder, in which the commands run.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        # JAX warns before each fork. The process has not started JAX, so that its children may.
        command = [sys.executable, "-W", "ignore:os.fork", "-m", "experiments.faults.forked"]
        # The variable has the effect of `builders.quick_compilation`.
        environment = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment
        )

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(60) == 0

    def __call__(self, command: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command that contains "-m" and a module, and returns its exit status and its output."""
        words = ["python", *command[command.index("-m") :]]
        request = {"words": words, "folder": str(self._folder), "stdin": stdin}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return subprocess.CompletedProcess(command, *json.loads(self._process.stdout.readline()))
