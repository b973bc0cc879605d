"""Arrays in NumPy's files, which a stranger may have made: numbers only, and no more than the file holds.

A file can state any shape. The shape is compared with the size of the file before memory is allocated. Arrays
of Python objects are pickles, which run programs when they are read, and are refused.
"""

import io
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from numpy.lib import format as npy

from cman_jax.errors import InputError
from cman_jax.files import show

_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npy(path: Path) -> Shaped[np.ndarray, "..."]:
    """Returns the array of an npy file.

    Raises:
      InputError: the file is missing or damaged, or it contains something else than one array of numbers.
    """
    try:
        with path.open("rb") as file:
            return _parse(file, path.stat().st_size)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from None


def parse_npz(content: bytes, path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Returns the arrays of an npz archive that `numpy.savez` made, by their names.

    Args:
      content: the archive.
      path: its file, for error messages.

    Raises:
      InputError: the archive is damaged, compressed, or contains something else than arrays of numbers.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("compressed arrays")
            if sum(member.file_size for member in members) > len(content):
                raise ValueError("arrays that are larger than the file")
            found = {member.filename.removesuffix(".npy"): archive.read(member) for member in members}
        return {name: _parse(io.BytesIO(each), len(each)) for name, each in found.items()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise _damaged(path, error) from None


def _parse(file: io.BufferedIOBase, size: int) -> Shaped[np.ndarray, "..."]:
    """Returns the array of an open file of so many bytes.

    Raises:
      ValueError: the file is not one array of numbers.
    """
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"version {version} of the format")
    try:
        shape, by_column, dtype = _HEADERS[version](file)
    except Exception as error:  # NumPy evaluates the header as Python's literals, which fail in many ways
        raise ValueError(f"a header that NumPy cannot read ({type(error).__name__})") from None
    if dtype.kind not in "biuf":
        raise ValueError(f"values of the type {show(str(dtype))}, which are not numbers")
    wanted, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if min(shape, default=0) < 0 or wanted != there:
        raise ValueError(f"the shape {show(shape)} of {dtype} in {there} bytes")
    flat = np.frombuffer(file.read(wanted), dtype) if wanted else np.empty(0, dtype)
    values = flat.reshape(shape, order="F" if by_column else "C")
    return values.astype(dtype.newbyteorder("="), copy=False)


def _damaged(path: Path, error: Exception) -> InputError:
    """Returns the error for a file with other content."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(path, None, f"a damaged file ({reason})", "arrays of numbers as NumPy saves them")
