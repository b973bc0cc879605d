"""The formats that programs read and write, by name, and the recognition of a file's format."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.bekoulis import read_columns
from cman_jax.data.formats.brat import read_brat, write_brat
from cman_jax.data.formats.canonical import read_canonical
from cman_jax.data.formats.conll import read_conll, write_conll
from cman_jax.data.formats.doccano import read_doccano, write_doccano
from cman_jax.data.formats.labelstudio import read_labelstudio, write_labelstudio
from cman_jax.data.formats.oddities import Reading
from cman_jax.data.formats.spert import read_spert, write_spert
from cman_jax.data.formats.standoff import Layout
from cman_jax.data.formats.stored_lines import open_canonical
from cman_jax.data.formats.tfds import open_split, read_split
from cman_jax.data.formats.tfds_folders import is_prepared, split_sizes
from cman_jax.errors import InputError
from cman_jax.files import show, skip_bom
from cman_jax.types import Sentence

Writer = Callable[[Path, Iterable[Sentence]], None]


class Format(NamedTuple):
    """A format of annotated corpora.

    Attributes:
      about: what it is, in a few words.
      read: returns the content of a file, of a folder for formats of folders, or of a path FOLDER/SPLIT of a
        prepared dataset.
      write: writes sentences; None: the format can only be read.
      suffix: what a written split's name ends with; empty for a folder.
      open: returns the same content as `read`, with sentences that stay on disk; None: they cannot.
    """

    about: str
    read: Callable[[Path, Layout], Reading]
    write: Writer | None
    suffix: str
    open: Callable[[Path], Reading] | None = None


FORMATS = {
    "canonical": Format(
        "JSONL of tokenised sentences",
        lambda path, _: read_canonical(path),
        write_jsonl,
        ".jsonl",
        open_canonical,
    ),
    "spert": Format("SpERT's JSON", lambda path, _: read_spert(path), write_spert, ".json"),
    "bekoulis": Format("Bekoulis' columns", lambda path, _: read_columns(path), None, ".txt"),
    "brat": Format("brat's folders of .txt and .ann files", read_brat, write_brat, ""),
    "doccano": Format("doccano's JSONL", read_doccano, write_doccano, ".jsonl"),
    "labelstudio": Format("Label Studio's JSON", read_labelstudio, write_labelstudio, ".json"),
    "conll": Format("columns of tokens and tags", lambda path, _: read_conll(path), write_conll, ".conll"),
    "tfds": Format(
        "a dataset prepared by TensorFlow Datasets",
        lambda path, _: read_split(path),
        None,
        "",
        open_split,
    ),
}


_START = 2**24  # bytes of a file that are read to recognise its format; its first item is shorter


def recognise(path: Path) -> str:
    """Returns the name of the format that a file, a folder of brat's files or a prepared split has.

    Raises:
      InputError: the file is empty, or its beginning is that of no format.
    """
    if is_prepared(path.parent):
        return "tfds"
    if path.is_dir() or path.suffix == ".ann" or path.with_suffix(".ann").is_file():
        return "brat"
    with path.open("rb") as file:
        start = skip_bom(file.read(_START)).decode(errors="replace").lstrip()  # the reader names bad bytes
    if not start:
        raise InputError(path, None, "an empty file", "an annotated corpus")
    if start[0] == "[" and path.suffix != ".jsonl":
        return _of_keys(_first_item(start[1:]), path, {"tokens": "spert", "data": "labelstudio"})
    if start[0] in "{[":
        return _of_keys(_first_item(start), path, {"tokens": "canonical", "text": "doccano"})
    return "bekoulis" if start.startswith("#doc") else "conll"


def size_of(path: Path) -> int:
    """Returns the number of bytes of a file or prepared split; 0 for another folder."""
    if is_prepared(path.parent):
        return split_sizes(path.parent)[path.name].num_bytes
    return path.stat().st_size if path.is_file() else 0


def _first_item(text: str) -> Any:
    """Returns the first JSON value of a text, or None if the text does not begin with one."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _of_keys(item: Any, path: Path, formats: dict[str, str]) -> str:
    """Returns the format whose key an item has, and for a damaged item the first format."""
    if not isinstance(item, dict):
        return next(iter(formats.values()))
    for key, name in formats.items():
        if key in item:
            return name
    expected = " or ".join(f"{key!r} ({FORMATS[name].about})" for key, name in formats.items())
    raise InputError(path, 1, f"the keys {', '.join(map(show, item))}", f"the key {expected}")
