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

    The lock is `flock` on a file in the directory. The file is removed when the training ends; a killed
    training leaves the file there, unlocked. A thread may enter a directory that it has already entered.

    On NFS the lock works between machines if the server keeps locks, which is the default. Nothing is locked
    on a file system without locks, or on Windows, which has no `flock`.

    Args:
      workdir: the working directory.

    Raises:
      InputError: another process or thread is training there; nothing has been written.
    """
    place = workdir.resolve()
    if _held.get(place) == threading.get_ident():
        yield
        return
    made = not workdir.exists()

    def busy(holder: str) -> InputError:
        found, expected = f"a training that is running there ({holder})", "one training at a time"
        return InputError(workdir, None, found, f"{expected}; wait until it ends, or choose another workdir")

    try:
        with locked(workdir / ".training.lock", busy):
            _held[place] = threading.get_ident()
            try:
                yield
            finally:
                _held.pop(place, None)
    finally:
        if made:
            _remove_if_empty(workdir)


def _remove_if_empty(folder: Path) -> None:
    """Removes a folder if it is empty."""
    with contextlib.suppress(OSError):
        folder.rmdir()
