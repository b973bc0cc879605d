"""A canonical file whose sentences stay on disk: in memory is only where each line begins."""

import os
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from cman_jax.data.formats.oddities import Reading
from cman_jax.data.formats.records import Records, Values
from cman_jax.errors import InputError
from cman_jax.files import decode_line, parse_json

_BLOCK = 2**22  # bytes that are searched for ends of lines at a time


def open_canonical(path: str | Path) -> Reading:
    """Returns what `read_canonical` returns, with sentences that stay on disk.

    Raises:
      InputError: a line is malformed, an id occurs twice, or the file contains no sentence.
      OSError: the file cannot be read.
    """
    return Records(_Lines(Path(path))).reading()


class _Lines(Values):
    """The lines of a file, which stays open, so that a file that replaces it is not read.

    Args:
      path: the file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._state = self._read_state()
        self._starts = _line_starts(self._file)

    def __reduce__(self) -> str:
        """Refuses to be pickled, because another process would read what its own descriptor is."""
        raise TypeError(f"{self.path} stays on disk and cannot be pickled; open it where it is read")

    def _read_state(self) -> tuple[int, int]:
        """Returns the size of the file, and when it was changed."""
        status = os.fstat(self._file)
        return status.st_size, status.st_mtime_ns

    def __len__(self) -> int:
        return len(self._starts) - 1

    def value(self, index: int) -> tuple[Any, None]:
        """Returns the value of a line.

        Raises:
          InputError: the line is malformed, or the file was changed since it was opened.
        """
        start, end = map(int, self._starts[index : index + 2])
        raw = os.pread(self._file, end - start, start)
        if self._read_state() != self._state:
            found = "a file that was changed while it was read"
            raise InputError(self.path, None, found, "an unchanged file; start again")
        text = decode_line(raw, self.path, index + 1)
        return parse_json(text, partial(InputError, self.path, index + 1)), None


def _line_starts(file: int) -> Int64[np.ndarray, " _"]:
    """Returns the position of each line of a file, in bytes, and the end of the file."""
    parts, place = [np.zeros(1, np.int64)], 0
    while block := os.pread(file, _BLOCK, place):
        parts.append(np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + (place + 1))
        place += len(block)
    starts = np.concatenate(parts)
    return starts if starts[-1] == place else np.append(starts, place)
