"""Output files that are written over a long time, and can be continued after an interruption.

The content grows in NAME.partial. Beside it, NAME.partial.json says how far the content is complete and what
it was made of. The file gets its own name when it is complete. One process at a time writes it.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import file_to_write, read_json, write_json
from cman_jax.locking import locked


class PartialFile:
    """A file that is being written; a context manager.

    Args:
      path: the file's final name.
      about: what the content depends on, by name and ready for JSON. An output that depends on something else
        is not continued.
      resume: whether to continue an interrupted output; if there is none, a new one begins.

    Attributes:
      items: how many items the file contained when it was opened.

    Raises:
      InputError: the interrupted output depends on something else, or is damaged; another process is writing
        the output; or the path is a folder or a device.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], resume: bool):
        path = file_to_write(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._about = path, dict(about)
        self._partial = path.with_name(f"{path.name}.partial")
        self._progress = path.with_name(f"{path.name}.partial.json")
        with ExitStack() as resources:
            resources.enter_context(locked(path.with_name(f"{path.name}.partial.lock"), self._busy))
            self.items, size = self._written() if resume else (0, 0)
            if not self.items:
                self._progress.unlink(missing_ok=True)  # of an output that is not continued
            self._file = resources.enter_context(self._partial.open("ab"))
            self._file.truncate(size)
            self._file.seek(size)
            self._resources = resources.pop_all()

    def _busy(self, holder: str) -> InputError:
        """Returns the error for an output that another process is writing."""
        expected = "one program at a time; wait until it ends, or choose another output"
        return InputError(self._path, None, f"an output that is being written ({holder})", expected)

    def _written(self) -> tuple[int, int]:
        """Returns how many items of the interrupted output are complete, and their bytes."""
        before = read_json(self._progress)
        if not before:
            return 0, 0
        kinds = {name: type(value) for name, value in before.items()}
        if kinds != {"about": dict, "items": int, "bytes": int} or min(before["items"], before["bytes"]) < 0:
            raise InputError(self._progress, None, "other keys or values", "a file that this library wrote")
        then = before["about"]
        if other := [
            name for name in sorted({*then, *self._about}) if then.get(name) != self._about.get(name)
        ]:
            found = f"an interrupted output with another {', another '.join(other)}"
            raise InputError(self._progress, None, found, "the same as before, or a new output")
        if not self._partial.is_file() or self._partial.stat().st_size < before["bytes"]:
            raise InputError(self._partial, None, "less than was written", "the interrupted output")
        return before["items"], before["bytes"]

    def write(self, content: bytes) -> None:
        """Appends bytes, which count as written at the next `keep`."""
        self._file.write(content)

    def keep(self, items: int) -> None:
        """Makes everything that was written so far durable.

        Args:
          items: how many items the file contains now.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        write_json(self._progress, {"about": self._about, "items": items, "bytes": self._file.tell()})

    def __enter__(self) -> "PartialFile":
        """Returns the file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the file its name, unless the block has raised an error; then it can be continued."""
        with self._resources:
            self._file.close()
            if kind is None:
                self._partial.replace(self._path)
                self._progress.unlink(missing_ok=True)
