"""Locks on a run's working directory."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from cman_jax.errors import InputError
from cman_jax.locking import locked

_held: dict[Path, int] = {}  # directories that this process trains in, each with the id of its thread


@contextlib.contextmanager
def training_in(workdir: Path) -> Iterator[None]:
    """Keeps every other training out of a working directory, which is made if it does not exist.

    The lock is a file in the directory (`locked`). A thread may enter a directory that it has already
    entered. On NFS the lock works between machines if the server keeps locks, which is the default.

    Args:
      workdir: the working directory.

    Raises:
      InputError: another process or thread is training there; nothing has been written.
    """
    place = workdir.resolve()
    if _held.get(place) == threading.get_ident():
        yield
        return

    def busy(holder: str) -> InputError:
        found, expected = f"a training that is running there ({holder})", "one training at a time"
        return InputError(workdir, None, found, f"{expected}; wait until it ends, or choose another workdir")

    with locked(workdir / ".training.lock", busy):
        _held[place] = threading.get_ident()
        try:
            yield
        finally:
            _held.pop(place, None)
