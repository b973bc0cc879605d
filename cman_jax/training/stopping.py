"""When a training saves within an epoch, and when it ends early: what signals and the clock ask for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from cman_jax.training.hosts import ALONE, Hosts

_SAVE, _END = 1, 2
"""What a host can ask for; all hosts do the most that one of them asks for."""


class Stopped(Exception):
    """The end of a training that was asked to stop and has saved everything; the message says where."""


class Stop:
    """What a running training looks at after every step.

    Args:
      save_every: minutes between two saves within an epoch; 0: only epochs are saved.
      hosts: the hosts that train together, which save and end after the same step.

    Attributes:
      asked: whether training should save after the running step, and end; one host that is asked is enough.
      watched: whether a training is running that looks at `asked`.
    """

    def __init__(self, save_every: float = 0.0, hosts: Hosts = ALONE):
        self.asked = self.watched = False
        self._hosts = hosts
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
        """Returns whether to save now; is called after every step within an epoch."""
        due = 0 < self._seconds <= time.monotonic() - self._last_save
        return self._hosts.agree_soon(_END if self.asked else _SAVE if due else 0) > 0

    def saved(self, place: str) -> None:
        """Is called when everything is saved.

        Args:
          place: where training is, such as "epoch 3".

        Raises:
          Stopped: training was asked to stop, on this host or on another one.
        """
        self._last_save = time.monotonic()
        if self._hosts.agree(_END if self.asked else 0):
            raise Stopped(f"training stopped after {place}, which is saved; start it again to resume there")
