"""A small disk that can be full, read-only or closed to the user, and works again afterwards."""

import contextlib
import os
import random
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

_SIZE = 24 * 2**20
_MOST_LEFT = 200_000  # bytes that a full disk has left
_REST = 4096  # bytes of a file that may be written when there is no disk to fill
FAULTS = ("full", "read-only", "no permission")


class Disk:
    """A folder that is a disk of its own in memory, if this user may mount one.

    Args:
      folder: the folder, made if it does not exist.
      shadow: a second folder, for the disk as it is when it is read-only.

    Attributes:
      folder: the folder.
      is_own: whether it is a disk of its own. Otherwise a limit for the size of files fills it, and without
        permission it is read-only.
    """

    def __init__(self, folder: Path, shadow: Path):
        self.folder, self._shadow = folder, shadow
        for each in (folder, shadow):
            each.mkdir(parents=True, exist_ok=True)
        self.is_own = _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(folder))
        if self.is_own:
            _run("mount", "--bind", str(folder), str(shadow))
            _run("mount", "-o", "remount,ro,bind", str(shadow))

    def close(self) -> None:
        """Removes the disk."""
        if self.is_own:
            for each in (self._shadow, self.folder):
                _run("umount", "--lazy", str(each))

    @contextlib.contextmanager
    def fault(self, name: str, workdir: Path, process: int, rng: random.Random) -> Iterator[None]:
        """Provokes a fault inside the `with` block.

        Args:
          name: one of `FAULTS`.
          workdir: the folder on the disk whose permission is lost.
          process: the program that meets the fault.
          rng: decides how much space is left, and which permission.
        """
        left, mode = rng.randrange(_MOST_LEFT), rng.choice([0o000, 0o555])
        if name == "full":
            with self._full(left, process):
                yield
        elif name == "read-only" and self.is_own:
            _run("mount", "--bind", str(self._shadow), str(self.folder))  # over the files that are open
            try:
                yield
            finally:
                _run("umount", "--lazy", str(self.folder))
        else:
            workdir.mkdir(exist_ok=True)
            workdir.chmod(mode)
            try:
                yield
            finally:
                workdir.chmod(0o755)

    @contextlib.contextmanager
    def _full(self, left: int, process: int) -> Iterator[None]:
        """Fills the disk but for some bytes, or limits the size of the files of the process."""
        if not self.is_own:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(process, resource.RLIMIT_FSIZE, (_REST, _REST))
            yield
            return
        path = self.folder / "everything_else"
        with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(2**16)):
                pass
        os.truncate(path, max(0, path.stat().st_size - left))
        try:
            yield
        finally:
            path.unlink()


def _run(*command: str) -> bool:
    """Runs a command, and returns whether it has done its work."""
    return subprocess.run(command, capture_output=True).returncode == 0
