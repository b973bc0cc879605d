"""The workplace of faults and tests that run the commands as a user does: a small corpus, short trainings."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cman_jax.data.corpus import write_jsonl
from cman_jax.run.record import read_metrics
from data_prep.generated.corpus import generate_splits

EPOCHS = 6
TINY = {
    **{f"model.{name}": 8 for name in ("char_dim", "char_lstm_dim", "word_dim", "lstm_dim", "scorer_dim")},
    "model.num_bsa": 1,
    "data.bucket_lengths": "(34,)",  # the longest sentence has 33 tokens
    "training.batch_size": 8,
    "training.num_epochs": EPOCHS,
}


class Workplace:
    """A corpus, a folder of compiled programs, and the commands that use them.

    Args:
      folder: the folder to write to.

    Attributes:
      folder: the folder of the workplace.
      data: the folder of the corpus.
    """

    def __init__(self, folder: Path):
        self.folder, self.data = folder, folder / "data"
        for split, sentences in generate_splits({"train": 40, "dev": 8, "test": 8}).items():
            write_jsonl(self.data / f"{split}.jsonl", sentences)

    def command(self, name: str, *flags: str) -> list[str]:
        """Returns the command line of `experiments.NAME` with these flags."""
        return self._program(f"experiments.{name}", *flags)

    def cman(self, name: str, *flags: str) -> list[str]:
        """Returns the command line of `cman NAME` with these flags."""
        return self._program("cman_jax.app", name, *flags)

    def _program(self, module: str, *arguments: str) -> list[str]:
        """Returns the command line of a program, which keeps what it compiles."""
        cache = f"--compilation_cache={self.folder / 'compiled'}"
        # The variable has the effect of `builders.quick_compilation`.
        python = ["env", "JAX_DISABLE_MOST_OPTIMIZATIONS=1", sys.executable]
        return [*python, "-m", module, *arguments, cache]

    def training(self, workdir: Path, *flags: str, **overrides: object) -> list[str]:
        """Returns the command line of a training without a report.

        Args:
          workdir: the folder of the run.
          *flags: further flags, of which `--report` asks for a report.
          **overrides: config fields by dotted name.
        """
        settings = [f"--config.{name}={value}" for name, value in {**TINY, **overrides}.items()]
        config = "--config=generated"
        places = (f"--data={self.data}", f"--workdir={workdir}")
        return self.cman("train", config, *places, "--num_devices=1", "--noreport", *flags, *settings)


def run(command: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess:
    """Runs a command and returns its exit status and its output."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=900)


def kill_during(command: Sequence[str], workdir: Path, number: int, epochs_first: int, more: float) -> int:
    """Sends a signal, some seconds after that many epochs are in the metrics; returns the exit status."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while len(read_metrics(workdir)) < epochs_first:
        assert process.poll() is None, "the run ended before it was killed"
        assert time.monotonic() < deadline, "the run makes no progress"
        time.sleep(0.01)
    time.sleep(more)
    os.kill(process.pid, number)
    return process.wait()
