"""Readers of text, lines and JSON, which raise one error for each kind of damage, and atomic writes.

No other module of the library opens a file for writing, except those that append: the feature cache, outputs
that can be continued (`partial_file`), and locks (`locking`).
"""

import codecs
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from reprlib import Repr
from typing import Any, BinaryIO

from cman_jax.errors import InputError

Fail = Callable[[str, str], InputError]
"""The type of functions that return the error for one place in a file, from what is found and expected."""


_LONGEST_SHOWN = 160
_short_repr = Repr()
_short_repr.maxstring = _short_repr.maxother = _short_repr.maxlong = 60


def show(value: Any) -> str:
    """Returns the repr of a value for error messages, shortened so that it fits on a line."""
    text = _short_repr.repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def skip_bom(start: bytes) -> bytes:
    """Returns bytes without the UTF-8 byte order mark.

    Args:
      start: the beginning of a file, or the whole file.
    """
    return start.removeprefix(codecs.BOM_UTF8)


def read_text(path: Path) -> str:
    """Returns the text of a whole file.

    Raises:
      OSError: the file cannot be read.
      UnicodeDecodeError: the file is not valid UTF-8.
    """
    return skip_bom(path.read_bytes()).decode()


def read_utf8(path: Path, expected: str = "UTF-8 text") -> str:
    """Returns the text of a whole file from the user.

    Args:
      path: the file.
      expected: what the file should contain, for the error message.

    Raises:
      InputError: the file is not valid UTF-8.
      OSError: the file cannot be read.
    """
    try:
        return read_text(path)
    except UnicodeDecodeError as error:
        raise InputError(path, None, f"bytes that are not valid UTF-8 ({error})", expected) from None


def decode_line(raw: bytes, path: str | Path, number: int) -> str:
    """Returns the text of a line without its end, which is "\\n" or "\\r\\n".

    Args:
      raw: the line's bytes; the end may be missing.
      path: the line's file, for the error message.
      number: the line's number, from 1 on. Line 1 may begin with a byte order mark, which is removed.

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

    Only a line feed ends a line, because JSON strings may contain the other line separators.

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
      value: any value that `json.dumps` accepts.
      **layout: further arguments of `json.dumps`, such as `indent`.

    Raises:
      ValueError: a number is NaN or infinite, which JSON cannot express.
    """
    return json.dumps(value, allow_nan=False, **layout)


def parse_json(text: str, fail: Fail) -> Any:
    """Returns the value of JSON text.

    A repeated key is an error too, because one of its values would be lost.

    Args:
      text: the JSON text.
      fail: returns the error to raise.

    Raises:
      InputError: the error of `fail`; the text is not valid JSON, repeats a key or is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except RecursionError:
        raise fail("JSON nested too deeply", "a JSON object of lists and flat objects") from None
    except ValueError as error:  # JSONDecodeError, a repeated key, an integer of thousands of digits
        raise fail(describe_bad_json(error), "a JSON object") from None


def describe_bad_json(error: ValueError) -> str:
    """Returns an error message's description of bad JSON, which quotes the text at the fault.

    Args:
      error: the error that `json` raised.
    """
    if not isinstance(error, json.JSONDecodeError):
        return f"bad JSON ({error})"
    piece = error.doc[error.pos : error.pos + 40]
    place = f"at {show(piece)}" if piece else "at the end"
    return f"bad JSON ({error.msg}: column {error.colno}, {place})"


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns the key-value pairs of a JSON object as a dict; serves as json's `object_pairs_hook`.

    Raises:
      ValueError: a key occurs twice.
    """
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {show(repeated)} occurs twice")
    return result


def check_keys(
    obj: Any, required: Sequence[str], allowed: Sequence[str] | None, what: str, fail: Fail
) -> None:
    """Checks that `obj` is a dict with all `required` keys and without any key outside `allowed`.

    Args:
      obj: a decoded JSON value.
      required: the keys that must be present.
      allowed: the keys that may be present; None: any.
      what: a name for the value in error messages, such as "entity 3".
      fail: returns the error to raise.

    Raises:
      InputError: the error of `fail`.
    """
    if not isinstance(obj, dict):
        raise fail(f"{what} that is {show(obj)}", "a JSON object")
    if missing := [key for key in required if key not in obj]:
        raise fail(f"{what} without {missing[0]!r}", f"the keys {', '.join(required)}")
    if allowed is not None and (unknown := [key for key in obj if key not in allowed]):
        raise fail(f"{what} with the unknown key {show(unknown[0])}", f"only the keys {', '.join(allowed)}")


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits.

    Raises:
      OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Returns the JSON object that `write_json` wrote to a file, or an empty dict if the file does not exist.

    Raises:
      InputError: the file is damaged.
    """
    try:
        value = json.loads(read_text(path)) if path.is_file() else {}
    except (ValueError, RecursionError) as error:  # RecursionError: JSON nested too deeply
        raise InputError(path, None, f"a damaged file ({error})", "JSON that this library wrote") from None
    if not isinstance(value, dict):
        raise InputError(path, None, f"a {type(value).__name__}", "a JSON object")
    return value


def write_json(path: Path, value: Any) -> None:
    """Writes a value as indented JSON, atomically.

    Raises:
      InputError: the value contains a number that is not finite.
    """
    write_atomically(path, json_bytes(path, value))


def json_bytes(path: Path, value: Any) -> bytes:
    """Returns what `write_json` writes to a file.

    Args:
      path: the file, for the error message.
      value: the value.

    Raises:
      InputError: the value contains a number that is not finite.
    """
    try:
        text = json_text(value, indent=1, ensure_ascii=False)
    except ValueError as error:
        found = f"a value that JSON cannot express ({error})"
        raise InputError(path, None, found, "finite numbers to write") from None
    return (text + "\n").encode()


def write_atomically(path: str | Path, content: bytes) -> None:
    """Writes a file in such a way that no reader ever sees an incomplete file.

    A missing directory is created. A path that names a folder or a device is an `InputError`.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _replacing(target) as temporary:
        temporary.write_bytes(content)


@contextmanager
def writing_atomically(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to be written bit by bit; it appears under its name once it is complete."""
    with _replacing(path) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def writing_folder_atomically(folder: Path) -> Iterator[Path]:
    """Yields a folder to write files to; it appears under its name once the block has ended without an error.

    Raises:
      InputError: something with this name exists already, other than an empty folder.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(folder, None, "a folder with files, or a file", "a name for a new folder")
    folder = folder.absolute()  # "." has no name
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            folder.rmdir()  # it is empty
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def file_to_write(path: Path) -> Path:
    """Returns the file that a path names, which may not exist yet; a link stays a link to it.

    Raises:
      InputError: the path names a folder or a device, which a file would replace.
    """
    if path.exists() and not path.is_file():
        raise InputError(path, None, "a folder or a device", "a file to write")
    return Path(os.path.realpath(path)) if path.is_symlink() else path


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yields the path of a temporary file, which replaces the file unless writing it fails."""
    target = file_to_write(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())  # else a power failure could leave an empty file under the name
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
