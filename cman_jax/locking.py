"""Locks on files; the operating system releases the locks of a process that ends."""

import contextlib
import errno
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cman_jax.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

WRITING = ".writing.lock"
"""The name of the file that `writing_in` locks."""
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

Busy = Callable[[str], InputError]
"""The type of functions that return the error for a lock of another process, from that process in words."""


@contextlib.contextmanager
def locked(path: Path, busy: Busy | None = None) -> Iterator[None]:
    """Locks a file inside the `with` block; the file is made for it and removed afterwards.

    A killed process leaves the file there, unlocked. A folder that was made for the file and is empty at the
    end is removed too. Nothing is locked on a file system without locks, or on Windows, which has no `flock`.

    Args:
      path: the file, which has no other purpose.
      busy: returns the error to raise if another process has the lock. None: the block waits.

    Raises:
      InputError: the error of `busy`.
    """
    made = not path.parent.exists()
    file = None if fcntl is None else _acquire(path, busy)
    try:
        yield
    finally:
        if file is not None:
            with contextlib.suppress(OSError):  # an unlocked file may stay, as that of a killed process
                path.unlink()  # before unlocking: afterwards it could be the file of another process
            file.close()
        if made:
            with contextlib.suppress(OSError):  # not empty
                path.parent.rmdir()


@contextlib.contextmanager
def writing_in(folder: Path) -> Iterator[None]:
    """Keeps other writers of a set of files, such as the splits of a corpus, out of a folder.

    Args:
      folder: the folder, which is made if it does not exist.

    Raises:
      InputError: another process is writing there; nothing has been written.
    """

    def busy(holder: str) -> InputError:
        return InputError(
            folder, None, f"another program that writes there ({holder})", "its end, or another folder"
        )

    with locked(folder / WRITING, busy):
        yield


def _acquire(path: Path, busy: Busy | None) -> BinaryIO | None:
    """Returns the locked file; None if the file system has no locks."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("a+b")
        except FileNotFoundError:
            continue  # the process that made the folder has removed it meanwhile
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            file.seek(0)
            holder = file.read().decode() or "it is just starting"
            file.close()
            if busy is None:
                raise
            raise busy(holder) from None
        except OSError as error:
            file.close()
            if error.errno not in _UNSUPPORTED:
                raise
            path.unlink(missing_ok=True)
            return None
        if _is_at(file, path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}".encode())
            file.flush()
            return file
        file.close()  # the process that had the lock has removed it meanwhile


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Returns whether the open file is still the file at the path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
