"""Tests of HDF5 files that a stranger made."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cman_jax.errors import InputError

pytest.importorskip("h5py", reason="needs the extra elmo")
import h5py

from cman_jax.encoders.hdf5 import dataset_in, open_hdf5, reading

NUMBERS = np.arange(6, dtype="f4")


def virtual(file: Any, other: Path) -> None:
    """Makes a view of another file's numbers."""
    with h5py.File(other, "w") as elsewhere:
        elsewhere["a"] = NUMBERS
    layout = h5py.VirtualLayout((6,), "f4")
    layout[...] = h5py.VirtualSource(other, "a", (6,))
    file.create_virtual_dataset("group/a", layout)


def external(file: Any, other: Path) -> None:
    """Makes a dataset whose numbers are the bytes of another file."""
    other.write_bytes(NUMBERS.tobytes())
    file.create_dataset("group/a", (6,), "f4", external=[(str(other), 0, 24)])


def linked(file: Any, other: Path) -> None:
    """Makes a link to a dataset of another file."""
    with h5py.File(other, "w") as elsewhere:
        elsewhere["a"] = NUMBERS
    file["group/a"] = h5py.ExternalLink(str(other), "a")


def linked_group(file: Any, other: Path) -> None:
    """Makes a link to a group of another file."""
    with h5py.File(other, "w") as elsewhere:
        elsewhere["group/a"] = NUMBERS
    file["group"] = h5py.ExternalLink(str(other), "group")


def circle(file: Any, other: Path) -> None:
    """Makes a link to itself."""
    file["group/a"] = h5py.SoftLink("/group/a")


REFUSED: dict[str, tuple[Callable[[Any, Path], None], str]] = {
    "a view": (virtual, "whose numbers are in other files"),
    "foreign bytes": (external, "whose numbers are in other files"),
    "a link": (linked, "found the link 'group/a'"),
    "a group's link": (linked_group, "found the link 'group/a'"),
    "a circle": (circle, "found the link"),
    "a terabyte": (
        lambda file, _: file.create_dataset("group/a", (2**20, 2**18), "f4", chunks=(64, 64)),
        r"of shape \(1048576, 262144\) in 0 bytes",
    ),
    "no byte": (
        lambda file, _: file.create_dataset("group/a", (6,), "f4", chunks=True),
        r"of shape \(6,\) in 0 bytes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_dataset_that_is_not_in_the_file_is_refused(name: str, tmp_path: Path) -> None:
    make, found = REFUSED[name]
    path = tmp_path / "weights.hdf5"
    with h5py.File(path, "w") as file:
        make(file, tmp_path / "other")
    with open_hdf5(path, "weights") as file, pytest.raises(InputError, match=rf"weights.hdf5: .*{found}"):
        dataset_in(file, "group/a", path)


def test_datasets_are_found_and_all_else_is_not(tmp_path: Path) -> None:
    path = tmp_path / "weights.hdf5"
    with h5py.File(path, "w") as file:
        file["group/a"] = NUMBERS
        file.create_dataset("packed", data=NUMBERS, compression="gzip")
    with open_hdf5(path, "weights") as file:
        for name in ("group/a", "/group//a", "group/./a", "packed"):
            np.testing.assert_array_equal(dataset_in(file, name, path), NUMBERS)
        for name in ("group", "group/b", "group/a/b", "", ".", "/"):
            assert dataset_in(file, name, path) is None


def test_every_error_of_the_library_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"f: found a damaged file \(two lines\), expected weights"):  # noqa: SIM117
        with reading("f", "weights"):
            raise OSError("two\nlines")
