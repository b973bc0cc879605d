"""UTF-8 text from bytes, by one rule for every reader: a byte order mark at a file's start is not text.

Editors and spreadsheets write that mark, EF BB BF, in front of UTF-8. Inside a file it stays what it is.
"""

import codecs
from pathlib import Path

from cman_jax.data.errors import InputError


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
