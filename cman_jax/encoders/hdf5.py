"""HDF5 files, whose every damage is one error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError, missing_extra


def open_hdf5(path: str | Path, expected: str) -> Any:
    """Returns the `h5py.File`, open for reading.

    Args:
      path: the file.
      expected: what the file should contain, for the error message.

    Raises:
      InputError: the file does not exist or is not HDF5, or the extra `elmo` is not installed.
    """
    if not Path(path).is_file():
        raise InputError(path, None, "no such file", expected)
    try:
        import h5py
    except ImportError:
        raise missing_extra(path, "an HDF5 file", "elmo") from None
    with reading(path, expected):
        return h5py.File(path, "r")


@contextmanager
def reading(path: str | Path, expected: str) -> Iterator[None]:
    """Turns the errors that h5py raises for a damaged file inside the `with` block into an InputError.

    Args:
      path: the file that the block reads.
      expected: what the file should contain, for the error message.

    Raises:
      InputError: the file is damaged.
    """
    try:
        yield
    except InputError:
        raise
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(path, None, f"a damaged file ({error})", expected) from None
