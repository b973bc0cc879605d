"""Files: text, lines, JSON and HDF5 with one error for each kind of damage, and atomic writes.

No other file of the library opens one for writing, except the feature cache and the lock, which append.
"""

import codecs
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from reprlib import Repr
from typing import Any, BinaryIO

from cman_jax.errors import InputError

Fail = Callable[[str, str], InputError]
"""Makes the error for one place in one file from what was found and what was expected."""


_short_repr = Repr()
_short_repr.maxstring = _short_repr.maxother = _short_repr.maxlong = 60


def show(value: Any) -> str:
    """A value as error messages quote it: its repr, cut to a length that fits on a line."""
    return _short_repr.repr(value)


def skip_bom(start: bytes) -> bytes:
    """Returns the beginning of a file, or all of it, without the byte order mark."""
    return start.removeprefix(codecs.BOM_UTF8)


def read_text(path: Path) -> str:
    """Returns the text of a whole file.

    Raises:
      OSError: the file cannot be read.
      UnicodeDecodeError: it is not valid UTF-8.
    """
    return skip_bom(path.read_bytes()).decode()


def decode_line(raw: bytes, path: str | Path, number: int) -> str:
    """Returns a line without its end: a line feed and a carriage return before it.

    Args:
      raw: the line's bytes; the end may be missing.
      path: the line's file, for the error message.
      number: the line's number, from 1 on. The first line may begin with a byte order mark.

    Raises:
      InputError: the bytes are not valid UTF-8.
    """
    raw = raw.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return (skip_bom(raw) if number == 1 else raw).decode()
    except UnicodeDecodeError as error:
        raise InputError(path, number, f"bytes that are not valid UTF-8 ({error})", "UTF-8 text") from None


def read_lines(path: str | Path) -> list[str]:
    """Returns the lines of a UTF-8 text file, each as `decode_line` returns it.

    Only a line feed ends a line (JSON strings may hold the other separators).

    Raises:
      InputError: a line is not valid UTF-8.
      OSError: the file cannot be read.
    """
    raw = Path(path).read_bytes().split(b"\n")
    if raw[-1] == b"":
        raw.pop()
    return [decode_line(line, path, number) for number, line in enumerate(raw, 1)]


def json_text(value: Any, **layout: Any) -> str:
    """Returns the value as JSON text.

    Args:
      value: whatever `json.dumps` takes.
      layout: further arguments of `json.dumps`, such as `indent`.

    Raises:
      ValueError: a number is NaN or infinite, which JSON cannot express.
    """
    return json.dumps(value, allow_nan=False, **layout)


def parse_json(text: str, fail: Fail) -> Any:
    """The JSON value of `text`; a repeated key is an error too, for one of its values would be lost."""
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except RecursionError:
        raise fail("JSON nested too deeply", "a JSON object of lists and flat objects") from None
    except ValueError as error:  # JSONDecodeError, a repeated key, an integer of thousands of digits
        raise fail(f"bad JSON ({error})", "a JSON object") from None


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json's `object_pairs_hook`: a dict; a key that occurs twice is a ValueError."""
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {show(repeated)} occurs twice")
    return result


def check_keys(obj: Any, required: Sequence[str], allowed: Sequence[str], what: str, fail: Fail) -> None:
    """Raises unless `obj` is a dict that has all `required` keys and no key outside `allowed`."""
    if not isinstance(obj, dict):
        raise fail(f"{what} that is {show(obj)}", "a JSON object")
    if missing := [key for key in required if key not in obj]:
        raise fail(f"{what} without {missing[0]!r}", f"the keys {', '.join(required)}")
    if unknown := [key for key in obj if key not in allowed]:
        raise fail(f"{what} with the unknown key {show(unknown[0])}", f"only the keys {', '.join(allowed)}")


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote; empty where there is no file. Raises: InputError: it is damaged."""
    try:
        value = json.loads(read_text(path)) if path.is_file() else {}
    except ValueError as error:
        raise InputError(path, None, f"{error}", "JSON as a program of this project wrote it") from None
    if not isinstance(value, dict):
        raise InputError(path, None, f"a {type(value).__name__}", "a JSON object")
    return value


def write_json(path: Path, value: Any) -> None:
    """Indented JSON, atomically. Raises: InputError: a number in it is not finite."""
    try:
        text = json_text(value, indent=1, ensure_ascii=False)
    except ValueError as error:
        raise InputError(path, None, f"{error}", "finite numbers to write") from None
    write_atomically(path, (text + "\n").encode())


def write_atomically(path: str | Path, content: bytes) -> None:
    """Writes a file so that no reader ever sees half of it; makes the directory when it is missing."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def write_in_place(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to be written bit by bit; it appears under its name once it is complete."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        try:
            yield file
        except BaseException:
            partial.unlink()
            raise
    partial.replace(path)


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
