"""Signals that end a training: it saves after the running step, and its status says which signal it was."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cman_jax.training.stopping import Stop, Stopped

STATUS = {signal.SIGTERM: 75, signal.SIGINT: 130}
"""The exit status after each signal; 75 asks a scheduler to start the command again."""


class Interrupted(Exception):
    """The end of a program by a signal, None if another host got it. Attributes: status: the exit status."""

    def __init__(self, number: int | None, message: str):
        name = "a signal on another host" if number is None else signal.Signals(number).name
        super().__init__(f"{name}: {message}")
        self.status = STATUS[signal.SIGTERM if number is None else signal.Signals(number)]


@contextmanager
def stopping_by_signals(stop: Stop) -> Iterator[None]:
    """Turns SIGTERM and SIGINT inside the `with` block into its end.

    A training ends after the running step, once everything is saved. A second signal, and a signal while
    nothing is trained, end the block at once.

    Args:
      stop: what the training looks at.

    Raises:
      Interrupted: a signal has come, to this process or to another host that trains with it.
    """
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1 or not stop.watched:
            raise Interrupted(number, "start the command again to resume after what is saved")
        stop.asked = True

    before = {number: signal.signal(number, handle) for number in STATUS}
    try:
        yield
    except Stopped as end:
        raise Interrupted(received[0] if received else None, str(end)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
