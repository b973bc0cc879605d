"""The input of extraction: a file, a folder of files, or standard input."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cman_jax.data.text import (
    Document,
    LineKind,
    Sentences,
    Shard,
    from_text,
    is_in_shard,
    parse_documents,
    sentences_in,
)
from cman_jax.errors import InputError
from cman_jax.files import read_utf8

STANDARD_INPUT = "-"

OnBytes = Callable[[int], None]
"""Is called with the number of bytes of every line or file that has been read."""


def parse_shard(text: str) -> Shard:
    """Returns the part of an input in a text such as "3/16".

    Raises:
      InputError: the text is not of this form.
    """
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError("shard", None, text, "K/N with K from 1 to N, such as 3/16")
    return int(match[1]), int(match[2])


def input_files(path: str) -> list[Path]:
    """Returns the file, or the *.txt and *.jsonl files of a folder and of the folders below it, by name.

    Raises:
      InputError: a folder has no such file.
    """
    root = Path(path)
    if not root.is_dir():
        return [root]
    files = sorted(file for file in root.rglob("*") if file.suffix in (".txt", ".jsonl") and file.is_file())
    if not files:
        raise InputError(root, None, "no *.txt and no *.jsonl file", "a folder of texts")
    return files


def input_size(path: str) -> int | None:
    """Returns the number of bytes of an input, or None if it is unknown, as of standard input."""
    files = [] if path == STANDARD_INPUT else input_files(path)
    if not files or not all(file.is_file() for file in files):
        return None
    return sum(file.stat().st_size for file in files)


def input_documents(
    path: str,
    kind: LineKind,
    sentences: Sentences,
    shard: Shard = (0, 1),
    on_bytes: OnBytes = lambda count: None,
) -> Iterator[Document]:
    """Yields the sentences of an input.

    In a file, a line of raw text is a document, with the line's number as its id. In a folder, each *.txt
    file is a document, with its path as its id; each line of a *.jsonl file is one too.

    Args:
      path: a file, a folder, or "-" for standard input.
      kind: what the lines of a file are; in a folder, the names of the files decide.
      sentences: whether raw text is divided into sentences.
      shard: which documents are read.
      on_bytes: is called while the input is read.

    Raises:
      InputError: as `parse_documents` and `input_files`.
      OSError: a file cannot be read.
    """
    if path == STANDARD_INPUT:
        lines = counted(sys.stdin.buffer, on_bytes)
        yield from parse_documents(lines, "standard input", kind, sentences, shard)
        return
    if not Path(path).is_dir():
        with Path(path).open("rb") as lines:
            yield from parse_documents(counted(lines, on_bytes), path, kind, sentences, shard)
        return
    seen: set[str] = set()
    for number, file in enumerate(input_files(path), 1):
        if file.suffix == ".jsonl":
            yield from _json_file(file, sentences, shard, on_bytes, seen)
        elif is_in_shard(number, shard):
            yield from _text_file(file, file.relative_to(path).as_posix(), sentences, on_bytes)


def counted(lines: Iterable[bytes], on_bytes: OnBytes) -> Iterator[bytes]:
    """Yields the lines, and reports the size of each."""
    for line in lines:
        on_bytes(len(line))
        yield line


def _json_file(
    file: Path, sentences: Sentences, shard: Shard, on_bytes: OnBytes, seen: set[str]
) -> Iterator[Document]:
    """Yields the sentences of a file of JSON lines in a folder.

    Args:
      seen: the ids of the folder's earlier JSON files, to which this file's ids are added.
    """
    with file.open("rb") as lines:
        for document in parse_documents(counted(lines, on_bytes), file, "jsonl", sentences, shard):
            if document.sentence.id in seen:
                found = f"the id {document.sentence.id!r} of another file"
                raise InputError(file, None, found, "ids that occur once")
            seen.add(document.sentence.id)
            yield document


def _text_file(file: Path, name: str, sentences: Sentences, on_bytes: OnBytes) -> Iterator[Document]:
    """Yields the sentences of a file that is one document."""
    text = read_utf8(file)
    on_bytes(file.stat().st_size)
    if sentences == "split":
        yield from sentences_in(text, name)
        return
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        found = from_text(line.removesuffix("\r"), f"{name}.{number}")
        yield found._replace(document=name, start=start, source=text)
        start += len(line) + 1
