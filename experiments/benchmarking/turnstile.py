"""A progress reporter that stops a training before every epoch and measures the time between stops."""

import time
from collections.abc import Callable
from typing import Any

from cman_jax.training.progress import Progress


class Turnstile(Progress):
    """A progress reporter that waits for the harness before every epoch.

    The time until the first epoch is the start-up. An epoch's time ends when the next wait begins, so that it
    includes scoring and checkpointing. Compilation counts in the epoch that first needs it.

    Args:
      send: sends a message to the harness.
      receive: waits for the harness's next message and returns it.
    """

    def __init__(self, send: Callable[[dict], None], receive: Callable[[], dict]):
        self._send, self._receive = send, receive
        self._seconds: list[float] = []
        self._rows: list[dict[str, Any]] = []
        self._since = time.perf_counter()

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Stops the clock, reports that the run waits, and starts the clock at the harness's answer.

        Args:
          epoch: the epoch that is about to start, counted from 1.
          num_epochs: not used.
          num_sentences: not used.
        """
        del num_epochs, num_sentences
        self._seconds.append(time.perf_counter() - self._since)
        self._send({"waiting": epoch})
        self._receive()
        self._since = time.perf_counter()

    def end_epoch(self, rows: list[dict[str, Any]]) -> None:
        """Stores the rows of the finished epochs.

        Args:
          rows: one row per finished epoch, with the scores on the development split.
        """
        self._rows = list(rows)

    def result(self) -> dict[str, Any]:
        """Stops the clock and returns the times, in seconds, and the scores of a finished run."""
        self._seconds.append(time.perf_counter() - self._since)
        startup, *epochs = self._seconds
        return {
            "startup_seconds": startup,
            "epoch_seconds": epochs,
            "total_seconds": sum(self._seconds),
            "dev": [row["dev"] for row in self._rows],
        }
