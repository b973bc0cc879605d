"""A profile of some training steps, as JAX's profiler writes it."""

from pathlib import Path

import jax

from cman_jax.training.progress import Progress

FOLDER = "profile"
"""The folder of profiles in the run's folder."""


class Profile(Progress):
    """A display that profiles steps, counted from 1 at the start of the process.

    A profile ends when its last step has begun, so a GPU may still compute the last few steps. If an epoch
    ends in between, the prediction of dev is profiled too.

    Args:
      folder: the folder to write to; TensorBoard, XProf and Perfetto show what is in it.
      first, last: the first and the last step.
    """

    def __init__(self, folder: Path, first: int, last: int):
        self._folder, self._first, self._last = folder, first, last
        self._steps = 0
        self._epoch_begins = self._running = self._done = False

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Remembers that the next call of `advance` tells of earlier steps."""
        self._epoch_begins = True

    def advance(self, num_sentences: int) -> None:
        """Starts or ends the profile between two steps."""
        self._steps += not self._epoch_begins
        self._epoch_begins = False
        if self._steps == self._first - 1 and not (self._running or self._done):
            jax.profiler.start_trace(str(self._folder))
            self._running = True
        elif self._steps == self._last:
            self._end()

    def close(self) -> None:
        """Ends a running profile; without one, prints that training had too few steps."""
        self._end()
        if not self._done:
            print(
                f"no profile: training ended after {self._steps} steps, before step {self._first}", flush=True
            )
            self._done = True

    def _end(self) -> None:
        """Ends the profile if one is running."""
        if self._running:
            self._running, self._done = False, True
            jax.profiler.stop_trace()
