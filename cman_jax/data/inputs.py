"""The input of extraction: a file, a folder of files, or standard input."""

import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Container, Iterable, Iterator
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
from cman_jax.files import file_digest, read_utf8, show
from cman_jax.folders import files_below

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

    Hidden files are left out.

    Raises:
      InputError: a folder has no such file.
    """
    root = Path(path)
    if not root.is_dir():
        return [root]
    files = files_below(root, (".txt", ".jsonl"))
    if not files:
        raise InputError(root, None, "no *.txt and no *.jsonl file", "a folder of texts")
    return files


def is_read(file: Path, path: str) -> bool:
    """Returns whether a file is the input, one of a folder's files, or what standard input reads from."""
    if not file.is_file():
        return False
    if path == STANDARD_INPUT:
        return os.path.samestat(os.fstat(_standard_input()), file.stat())
    return any(each.exists() and each.samefile(file) for each in input_files(path))


def input_size(path: str) -> int | None:
    """Returns the number of bytes of an input, or None if it is unknown, as of standard input."""
    files = [] if path == STANDARD_INPUT else input_files(path)
    if not files or not all(file.is_file() for file in files):
        return None
    return sum(file.stat().st_size for file in files)


def _standard_input() -> int:
    """Returns the descriptor of standard input; raises an InputError if it is closed."""
    if sys.stdin is None:
        raise InputError("standard input", None, "that it is closed", "text, or a file in --input")
    return sys.stdin.fileno()


def is_stream(path: str) -> bool:
    """Returns whether an input arrives bit by bit, and can be read once: a pipe, a terminal or a device."""
    if path == STANDARD_INPUT:
        return not stat.S_ISREG(os.fstat(_standard_input()).st_mode)
    return Path(path).exists() and not Path(path).is_file() and not Path(path).is_dir()


def input_digest(path: str) -> str | None:
    """Returns the SHA-256 of an input's contents and of the names of a folder's files; None for a stream.

    Raises:
      OSError: a file cannot be read.
    """
    if path == STANDARD_INPUT or is_stream(path):
        return None
    digest = hashlib.sha256()
    for file in input_files(path):
        digest.update(f"{file_digest(file)} {file.relative_to(path).as_posix()}\n".encode())
    return digest.hexdigest()


def input_documents(
    path: str,
    kind: LineKind,
    sentences: Sentences,
    shard: Shard = (0, 1),
    on_bytes: OnBytes = lambda count: None,
) -> Iterator[Document]:
    """Yields the sentences of an input.

    In a file, a line of raw text is a document, with the line's number as its id. In a folder, each *.txt
    file is a document, with its path as its id; each line of a *.jsonl file is one too, with the id
    PATH:NUMBER unless it has its own.

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
    if Path(path).is_dir():
        yield from _folder(Path(path), sentences, shard, on_bytes)
        return
    # Standard input gets a buffer of its own: a thread may wait for a line when the program ends.
    typed = path == STANDARD_INPUT
    with open(_standard_input() if typed else path, "rb", closefd=not typed) as lines:
        name = "standard input" if typed else path
        yield from parse_documents(counted(lines, on_bytes), name, kind, sentences, shard)


def _folder(path: Path, sentences: Sentences, shard: Shard, on_bytes: OnBytes) -> Iterator[Document]:
    """Yields the sentences of the files of a folder."""
    names = {file: file.relative_to(path).as_posix() for file in input_files(str(path))}
    ids, texts = set(), {name for name in names.values() if name.lower().endswith(".txt")}
    for number, (file, name) in enumerate(names.items(), 1):
        if name not in texts:
            with file.open("rb") as lines:
                found = parse_documents(counted(lines, on_bytes), file, "jsonl", sentences, shard, f"{name}:")
                yield from _with_new_ids(found, file, ids, texts)
        elif is_in_shard(number, shard):
            yield from _text_file(file, name, sentences, on_bytes)


def counted(lines: Iterable[bytes], on_bytes: OnBytes) -> Iterator[bytes]:
    """Yields the lines, and reports the size of each."""
    for line in lines:
        on_bytes(len(line))
        yield line


def _with_new_ids(
    documents: Iterable[Document], file: Path, ids: set[str], texts: Container[str]
) -> Iterator[Document]:
    """Yields the sentences of a file of JSON lines in a folder, and checks that their ids are new.

    Args:
      documents: the sentences; their ids differ within the file.
      file: the file.
      ids: the ids of the folder's earlier JSON files, to which this file's ids are added.
      texts: the ids of the folder's texts, whose sentences have the ids "TEXT.1", "TEXT.2", and so on.
    """
    own: set[str] = set()
    for document in documents:
        for name in document.ids:
            text, _, number = name.rpartition(".")
            if name in ids or name in texts or (number.isdecimal() and text in texts):
                raise InputError(file, None, f"the id {show(name)} of another file", "ids that occur once")
            own.add(name)
        yield document
    ids |= own


def _text_file(file: Path, name: str, sentences: Sentences, on_bytes: OnBytes) -> Iterator[Document]:
    """Yields the sentences of a file that is one document."""
    text = read_utf8(file)
    on_bytes(file.stat().st_size)
    yield from text_documents(text, name, sentences)


def text_documents(text: str, name: str, sentences: Sentences) -> Iterator[Document]:
    """Yields the sentences of a text whose lines belong to one document.

    Args:
      text: the text.
      name: the id of the document.
      sentences: whether the text is divided into sentences, or each line is one.

    Raises:
      InputError: the extra `text` is not installed.
    """
    if sentences == "split":
        yield from sentences_in(text, name)
        return
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        found = from_text(line.removesuffix("\r"), f"{name}.{number}")
        yield found._replace(document=name, start=start, source=text)
        start += len(line) + 1
