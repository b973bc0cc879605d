"""A program that runs beside this process."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from experiments.faults.ends import Ended


class Program:
    """A running program, whose output goes to files.

    Args:
      command: the command line.
      outputs: the beginning of the paths of the files for its output.

    Attributes:
      process: the process.
    """

    def __init__(self, command: Sequence[str], outputs: Path):
        self._paths = [outputs.with_name(f"{outputs.name}.{name}") for name in ("stdout", "stderr")]
        with self._paths[0].open("wb") as stdout, self._paths[1].open("wb") as stderr:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
            )

    def end(self, seconds: float) -> Ended:
        """Returns the end of the program, which is killed after this time."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            status = self.process.wait()
        return Ended(status, *(path.read_text(errors="replace") for path in self._paths))

    def wait(self, seconds: float) -> None:
        """Waits so long, unless the program ends before."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def kill(self) -> None:
        """Kills the program and those that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
