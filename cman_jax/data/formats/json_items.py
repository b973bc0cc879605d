"""The items of a file that is one JSON array, decoded one by one so that the place of an error is known."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import describe_bad_json, json_text, read_lines, show, unique_keys, write_atomically

_SPACE = re.compile(r"[ \t\n\r]*")
_decoder = json.JSONDecoder(object_pairs_hook=unique_keys)


def json_items(path: str | Path) -> Iterator[tuple[int, int, Any]]:
    """Yields each item of the file's array with its number, from 1 on, and the line where it begins.

    Raises:
      InputError: the file is not a JSON array. The message names the line and also the item's number,
        because a file may be a single line.
      OSError: the file cannot be read.
    """
    text = "\n".join(read_lines(path))
    position = _skip(text, 0)
    line, counted = 1, 0
    if text[position : position + 1] != "[":
        raise InputError(path, 1, show(text[position : position + 60]), "a JSON array of sentences")
    separator, number = "[", 0
    while separator != "]":
        position = _skip(text, position + 1)
        if number == 0 and text[position : position + 1] == "]":
            break
        line, counted, number = line + text.count("\n", counted, position), position, number + 1
        try:
            item, position = _decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            too_deep = isinstance(error, RecursionError)
            fault = "bad JSON (nested too deeply)" if too_deep else describe_bad_json(error)
            found = f"{fault} in sentence {number} of the file"
            raise InputError(path, getattr(error, "lineno", line), found, "a JSON object") from None
        yield number, line, item
        position = _skip(text, position)
        separator = text[position : position + 1]
        if separator not in (",", "]"):
            line += text.count("\n", counted, position)
            found = f"{show(text[position : position + 60])} after sentence {number}"
            raise InputError(path, line, found, "a comma or the array's end")
    if (rest := _skip(text, position + 1)) != len(text):
        line += text.count("\n", counted, rest)
        raise InputError(path, line, f"{show(text[rest : rest + 60])} after the array", "the end of the file")


def write_json_items(path: str | Path, items: Iterable[Any]) -> None:
    """Writes items as one JSON array, one item a line."""
    lines = ",\n".join(json_text(item, ensure_ascii=False) for item in items)
    write_atomically(path, f"[\n{lines}\n]\n".encode())


def _skip(text: str, position: int) -> int:
    """Returns the first position from `position` on that does not contain JSON whitespace."""
    match = _SPACE.match(text, position)
    return match.end() if match else position
