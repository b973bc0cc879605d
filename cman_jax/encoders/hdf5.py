"""HDF5 files, which a stranger may have made: every damage is one error, and all numbers are in the file.

A dataset can state any shape without storing its numbers, and can be a link to another file or a view of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError, missing_extra
from cman_jax.files import show

_MOST_PACKED = 4
"""How many bytes of numbers a stored byte may stand for; packed weights take about nine tenths of theirs."""


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
    except (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(path, None, f"a damaged file ({_one_line(error)})", expected) from None


def dataset_in(file: Any, name: str, path: str | Path) -> Any | None:
    """Returns the dataset of this name; None if the file has none, or a group in its place.

    Args:
      file: the open file.
      name: the dataset's path inside the file.
      path: the file, for error messages.

    Raises:
      InputError: the dataset is in another file, or its shape needs more bytes than it has.
    """
    import h5py

    place, expected = file, "an array that is stored whole in this file"
    for part in [part for part in name.split("/") if part not in ("", ".")]:
        there = isinstance(place, h5py.Group) and part in place.keys()  # noqa: SIM118 (also dangling links)
        link = place.get(part, getlink=True) if there else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise InputError(path, None, f"the link {show(name)}", expected)
        place = place[part]
    if not isinstance(place, h5py.Dataset):
        return None
    if place.is_virtual or place.external:
        raise InputError(path, None, f"the dataset {show(name)}, whose numbers are in other files", expected)
    if place.nbytes > _MOST_PACKED * place.id.get_storage_size():
        found = f"{show(name)} of shape {place.shape} in {place.id.get_storage_size()} bytes"
        raise InputError(path, None, found, expected)
    return place


def _one_line(error: Exception) -> str:
    """Returns the message of an error on one line."""
    return " ".join(str(error).split())
