"""Tests of arrays in NumPy's files that a stranger made."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cman_jax.errors import InputError
from cman_jax.numpy_files import parse_npz, read_npy

HERE = Path("arrays.npz")


def npy(header: str, values: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """Returns an npy file with any header."""
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + values


def described(kind: str, shape: Any, by_column: bool = False) -> str:
    """Returns the header of an array."""
    return f"{{'descr': {kind!r}, 'fortran_order': {by_column}, 'shape': {shape}, }}\n"


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">i4"),
        np.zeros((3, 0), np.float16),
        np.array(True),
    ],
)
def test_arrays_come_back(array: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    found = read_npy(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")
    buffer = io.BytesIO()
    np.savez(buffer, **{"state/a": array, "b": array})
    assert parse_npz(buffer.getvalue(), HERE).keys() == {"state/a", "b"}
    np.testing.assert_array_equal(parse_npz(buffer.getvalue(), HERE)["state/a"], array)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (npy(described("<f4", (10**12, 100)), b"1234"), "the shape .* in 4 bytes"),
        (npy(described("<f4", (2**32, 2**32))), "the shape .* in 0 bytes"),
        (npy(described("<f4", (-1, -1)), b"1234"), "the shape"),
        (npy(described("<f4", (1,)), b"12345"), "the shape .* in 5 bytes"),
        (npy(described("|O", (1,)), pickle.dumps([1])), "values of the type 'object'"),
        (npy(described("<U9", (1,)), b"1" * 36), "values of the type '<U9'"),
        (npy(f"{'(' * 5000}\n"), "a header that NumPy cannot read"),
        (npy(f"{'-' * 5000}1\n"), "a header that NumPy cannot read"),
        (npy("{'descr': __import__('os')}\n"), "a header that NumPy cannot read"),
        (npy(described("<f4", (1,)), b"1234", b"\x09\0"), "version"),
        (b"", "magic"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(content: bytes, found: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a.npy: found a damaged file \(.*({found})"):
        read_npy(path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(InputError, match=r"arrays.npz: found a damaged file"):
        parse_npz(buffer.getvalue(), HERE)


def test_an_archive_that_is_larger_inside_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(10**6))
    with pytest.raises(InputError, match=r"found a damaged file .compressed arrays"):
        parse_npz(buffer.getvalue(), HERE)
    with pytest.raises(InputError, match="found a damaged file"):
        parse_npz(buffer.getvalue()[:-30], HERE)
