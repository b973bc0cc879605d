"""When a training saves within an epoch, and when it ends early: what signals and the clock ask for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """The end of a training that was asked to stop and has saved everything; the message says where."""


class Stop:
    """What a running training looks at after every step.

    Args:
      save_every: minutes between two saves within an epoch; 0: only epochs are saved.

    Attributes:
      asked: whether training should save after the running step, and end.
      watched: whether a training is running that looks at `asked`.
    """

    def __init__(self, save_every: float = 0.0):
        self.asked = self.watched = False
        self._seconds = 60 * save_every
        self._last_save = time.monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Marks the `with` block as one in which a training looks at `asked`."""
        self.watched, self._last_save = True, time.monotonic()
        try:
            yield
        finally:
            self.watched = False

    def must_save(self) -> bool:
        """Returns whether to save now."""
        return self.asked or 0 < self._seconds <= time.monotonic() - self._last_save

    def saved(self, place: str) -> None:
        """Is called when everything is saved.

        Args:
          place: where training is, such as "epoch 3".

        Raises:
          Stopped: training was asked to stop.
        """
        self._last_save = time.monotonic()
        if self.asked:
            raise Stopped(f"training stopped after {place}, which is saved; start it again to resume there")
