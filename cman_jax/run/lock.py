"""Locks on a run's working directory; the operating system releases the locks of a process that ends."""

import contextlib
import errno
import os
import platform
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cman_jax.errors import InputError
from cman_jax.files import read_json, write_json

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
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
    try:
        with _locked(workdir / ".training.lock", wait=False):
            _held[place] = threading.get_ident()
            try:
                yield
            finally:
                _held.pop(place, None)
    finally:
        if made:
            _remove_if_empty(workdir)


def update_json(path: Path, entries: Mapping[str, Any]) -> None:
    """Sets entries of a JSON file and keeps all other entries.

    Entries that another process sets at the same time are kept too.

    Args:
      path: the file; it may be missing.
      entries: the entries to set.
    """
    with _locked(path.parent / ".update.lock", wait=True):
        write_json(path, {**read_json(path), **entries})


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Locks a file inside the `with` block; the file is made for it and removed afterwards."""
    file = None if fcntl is None else _acquire(path, wait=wait)
    try:
        yield
    finally:
        if file is not None:
            path.unlink()  # before unlocking: afterwards it could be the file of another process
            file.close()


def _acquire(path: Path, *, wait: bool) -> BinaryIO | None:
    """Returns the locked file; None if the file system has no locks.

    Raises:
      InputError: another process has the lock, and `wait` is False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.seek(0)
            holder = file.read().decode() or "it is just starting"
            file.close()
            found, expected = f"a training that is running there ({holder})", "one training at a time"
            raise InputError(
                path.parent, None, found, f"{expected}; wait until it ends, or choose another workdir"
            ) from None
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


def _remove_if_empty(folder: Path) -> None:
    """Removes a folder if it is empty."""
    with contextlib.suppress(OSError):
        folder.rmdir()
