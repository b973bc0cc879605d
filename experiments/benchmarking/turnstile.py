"""Lets a training run through one epoch at a time, and keeps the time while it is inside."""

import time
from collections.abc import Callable
from typing import Any

from cman_jax.training.progress import Progress


class Turnstile(Progress):
    """Before each epoch says that it waits, and waits to be told to go on.

    The time until the first epoch is the start-up. An epoch's time ends where the next one's waiting begins,
    so that scores and checkpoints count; compilation happens, and counts, where it is first needed.
    """

    def __init__(self, send: Callable[[dict], None], receive: Callable[[], dict]):
        self._send, self._receive = send, receive
        self._seconds: list[float] = []
        self._rows: list[dict[str, Any]] = []
        self._since = time.perf_counter()

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Stops the clock while others have their turn."""
        del num_epochs, num_sentences
        self._seconds.append(time.perf_counter() - self._since)
        self._send({"waiting": epoch})
        self._receive()
        self._since = time.perf_counter()

    def end_epoch(self, rows: list[dict[str, Any]]) -> None:
        """Keeps the scores."""
        self._rows = list(rows)

    def result(self) -> dict[str, Any]:
        """Of a run that has ended."""
        self._seconds.append(time.perf_counter() - self._since)
        startup, *epochs = self._seconds
        return {
            "startup_seconds": startup,
            "epoch_seconds": epochs,
            "total_seconds": sum(self._seconds),
            "dev": [row["dev"] for row in self._rows],
        }
