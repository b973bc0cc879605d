"""Pretrained word vectors: word2vec and GloVe text (gzip or not) and word2vec binary.

A file is read once and reduced: the wanted words and the file's first words (files are ordered by
frequency) are kept, so that new text finds its words at prediction time.
"""

import gzip
import io
import itertools
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from cman_jax.data.errors import InputError

_UNKNOWN_NAMES = ("<unk>", "<UNK>", "UNK", "unk", "UNKNOWN")


class WordVectors(NamedTuple):
    """`words[i]` has the vector `matrix[i + 1]`; row 0 is the unknown word's."""

    words: tuple[str, ...]
    matrix: Float[np.ndarray, "v e"]


def read_word_vectors(path: str | Path, wanted: Collection[str], num_frequent: int) -> WordVectors:
    """Reads what is needed of a vector file.

    Args:
      path: word2vec text with or without its header line, GloVe text, either gzipped, or word2vec binary.
      wanted: words to keep wherever they stand.
      num_frequent: how many of the file's first words to keep besides.

    Returns:
      The kept words in file order; a word that the file repeats has its first vector. The unknown word's
      vector is the file's own `<unk>` where it has one, else zero.

    Raises:
      InputError: the file is missing, or a line is no word followed by as many finite numbers as the others.
    """
    if not Path(path).is_file():
        raise InputError(path, None, "no such file", "word vectors")
    kept: dict[str, np.ndarray] = {}
    unknown = None
    with _open(path) as file, np.errstate(over="ignore"):  # too large for float32 is refused as not finite
        try:
            for index, (word, values) in enumerate(_entries(path, file)):
                if word in _UNKNOWN_NAMES and unknown is None:
                    unknown = values()
                elif (index < num_frequent or word in wanted) and word not in kept:
                    kept[word] = values()
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(path, None, f"a damaged file ({error})", "word vectors") from None
    if not kept:
        raise InputError(path, None, "no word", "word vectors")
    unknown = np.zeros_like(next(iter(kept.values()))) if unknown is None else unknown
    return WordVectors(tuple(kept), np.stack([unknown, *kept.values()]))


def _open(path: str | Path) -> io.BufferedReader:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return io.BufferedReader(gzip.open(path)) if zipped else open(path, "rb")  # the caller closes it


def _entries(path: str | Path, file: io.BufferedReader) -> Iterator[tuple[str, "_Values"]]:
    """Words with a call that reads their vector, so that unwanted numbers are never parsed."""
    first = file.readline()
    header = first.split()
    if len(header) != 2:
        return _text_entries(path, itertools.chain([first], file), None, 1)
    try:
        count, dim = map(int, header)
    except ValueError:
        raise InputError(path, 1, f"the header {_show(first)}", "`<words> <width>` or a vector") from None
    if dim < 1:
        raise InputError(path, 1, f"width {dim}", "a width of at least 1")
    if _is_binary(file, dim):
        return _binary_entries(path, file, count, dim)
    return _counted(path, _text_entries(path, file, dim, 2), count)


def _counted(
    path: str | Path, entries: Iterator[tuple[str, "_Values"]], count: int
) -> Iterator[tuple[str, "_Values"]]:
    """All entries, and an error at the end if a text file has fewer or more than its header says."""
    found = 0
    for found, entry in enumerate(entries, 1):  # noqa: B007 - the last value is the count
        yield entry
    if found != count:
        raise InputError(path, None, f"{found} entries", f"{count} entries as the header says")


class _Values(NamedTuple):
    """The numbers of one entry, parsed when called."""

    path: str | Path
    line: int | None  # None in a binary file
    raw: bytes | list[bytes]

    def __call__(self) -> Float[np.ndarray, " e"]:
        try:
            binary = isinstance(self.raw, bytes)
            values = np.frombuffer(self.raw, "<f4") if binary else np.array(self.raw, np.float32)
        except ValueError:
            raise InputError(
                self.path, self.line, "an entry that is no number", "a word and its vector"
            ) from None
        if not np.isfinite(values).all():
            raise InputError(self.path, self.line, "a number that is not finite", "a word and its vector")
        return values.astype(np.float32)


def _text_entries(
    path: str | Path, lines: Iterator[bytes], dim: int | None, first_line: int
) -> Iterator[tuple[str, _Values]]:
    for number, line in enumerate(lines, first_line):
        fields = line.rstrip().split(b" ")
        dim = len(fields) - 1 if dim is None else dim
        if len(fields) < dim + 1 or dim < 1:
            raise InputError(
                path,
                number,
                f"{len(fields) - 1} numbers ({_show(line)})",
                f"a word and {dim or 'its'} numbers",
            )
        # Some GloVe words contain spaces: the numbers are the last `dim` fields.
        yield _decode(path, number, b" ".join(fields[:-dim])), _Values(path, number, fields[-dim:])


def _binary_entries(
    path: str | Path, file: io.BufferedReader, count: int, dim: int
) -> Iterator[tuple[str, _Values]]:
    for number in range(count):
        word = b""
        while not word.endswith(b" "):
            byte = file.read(1)
            if not byte or len(word) > 1000:
                raise InputError(path, None, f"{number} entries", f"{count} entries as the header says")
            word += byte
        raw = file.read(4 * dim)
        if len(raw) < 4 * dim:
            raise InputError(path, None, f"{number} entries", f"{count} entries as the header says")
        yield _decode(path, None, word[:-1].lstrip(b"\n")), _Values(path, None, raw)


def _is_binary(file: io.BufferedReader, dim: int) -> bool:
    """After the header: the `dim` numbers of a text entry fill at least 2 dim printable bytes."""
    numbers = file.peek(1).partition(b" ")[2][: 2 * dim]
    return not all(32 <= byte < 127 or byte in b"\t\r\n" for byte in numbers)


def _decode(path: str | Path, line: int | None, word: bytes) -> str:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(path, line, f"the word {_show(word)}", "UTF-8") from None


def _show(raw: bytes) -> str:
    return repr(raw[:40].decode("utf-8", "replace").strip())
