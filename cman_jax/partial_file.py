"""Output files that are written over a long time, and can be continued after an interruption.

The content grows in NAME.partial. Beside it, NAME.partial.json says how far the content is complete and what
it was made of. The file gets its own name when it is complete.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import read_json, write_json


class PartialFile:
    """A file that is being written; a context manager.

    Args:
      path: the file's final name.
      about: what the content depends on, ready for JSON. An output that depends on something else is not
        continued.
      resume: whether to continue an interrupted output; if there is none, a new one begins.

    Attributes:
      items: how many items the file contained when it was opened.

    Raises:
      InputError: the interrupted output depends on something else, or is damaged.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], resume: bool):
        self._path, self._about = path, dict(about)
        self._partial = path.with_name(f"{path.name}.partial")
        self._progress = path.with_name(f"{path.name}.partial.json")
        before = read_json(self._progress) if resume else {}
        self.items, size = 0, 0
        if before:
            if before.get("about") != self._about:
                found = f"an output of {before.get('about')}"
                raise InputError(self._progress, None, found, f"{self._about}, or no --resume")
            self.items, size = before["items"], before["bytes"]
            if not self._partial.is_file() or self._partial.stat().st_size < size:
                raise InputError(self._partial, None, "less than was written", "the interrupted output")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._partial.open("ab")
        self._file.truncate(size)
        self._file.seek(size)

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
        self._file.close()
        if kind is None:
            self._partial.replace(self._path)
            self._progress.unlink(missing_ok=True)
