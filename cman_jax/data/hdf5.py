"""HDF5 files: how they are opened, and one error for the many that h5py has for a damaged one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cman_jax.data.errors import InputError


def open_hdf5(path: str | Path, expected: str) -> Any:
    """The `h5py.File`, open for reading.

    Args:
      expected: what the file should be, for the error.

    Raises:
      InputError: there is no file, it is no HDF5, or the extra `elmo` is not installed.
    """
    if not Path(path).is_file():
        raise InputError(path, None, "no such file", expected)
    try:
        import h5py
    except ImportError:
        wanted = "the extra that reads it (pip install 'cman-jax[elmo]')"
        raise InputError(path, None, "an HDF5 file", wanted) from None
    with reading(path, expected):
        return h5py.File(path, "r")


@contextmanager
def reading(path: str | Path, expected: str) -> Iterator[None]:
    """To read in: what h5py raises for damage leaves as an InputError. Args: as `open_hdf5`."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(path, None, f"a damaged file ({error})", expected) from None
