"""Pretrained word vectors: word2vec and GloVe text (gzip or not) and word2vec binary.

A file is read once and reduced: the wanted words and the file's first words (files are ordered by
frequency) are kept, so that new text finds its words at prediction time.

All vectors of a file have one width. In text, the header or the first line states it, and every other line
must agree. A word may contain single spaces, as a few of GloVe's do (". . .", "at name@domain.com"), but then
its last part is not a number: "queen 4" is read as a vector with one number too many. A word without a space
may be a number ("1999").
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

from cman_jax.errors import InputError
from cman_jax.files import skip_bom

_HEADER = "as the header says (correct the header or the line)"
_FIRST_LINE = "as in line 1 (correct or remove the wrong line of the two)"
_UNKNOWN_NAMES = ("<unk>", "<UNK>", "UNK", "unk", "UNKNOWN")


class WordVectors(NamedTuple):
    """`words[i]` has the vector `matrix[i + 1]`; row 0 is the unknown word's.

    `unknown` is the name of the unknown word in the file, or None if the file has none.
    """

    words: tuple[str, ...]
    matrix: Float[np.ndarray, "v e"]
    unknown: str | None = None


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
      InputError: the file is missing or damaged, or a line is not a word and as many finite numbers as the
        header or the first line states.
    """
    if not Path(path).is_file():
        raise InputError(path, None, "no such file", "word vectors")
    kept: dict[str, np.ndarray] = {}
    unknown, name = None, None
    with _open(path) as file, np.errstate(over="ignore"):  # too large for float32 is refused as not finite
        try:
            for index, (word, values) in enumerate(_entries(path, file)):
                if word in _UNKNOWN_NAMES and unknown is None:
                    unknown, name = values(), word
                elif (index < num_frequent or word in wanted) and word not in kept:
                    kept[word] = values()
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(path, None, f"a damaged file ({error})", "word vectors") from None
    if not kept:
        raise InputError(path, None, "no word", "word vectors")
    unknown = np.zeros_like(next(iter(kept.values()))) if unknown is None else unknown
    return WordVectors(tuple(kept), np.stack([unknown, *kept.values()]), name)


def _open(path: str | Path) -> io.BufferedReader:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return io.BufferedReader(gzip.open(path)) if zipped else open(path, "rb")  # the caller closes it


def _entries(path: str | Path, file: io.BufferedReader) -> Iterator[tuple[str, "_Values"]]:
    """Words with a call that reads their vector, so that unwanted numbers are never parsed."""
    first = skip_bom(file.readline())
    header = first.split()
    if len(header) != 2:
        width = _Width(_trailing_numbers(_fields(first)), _FIRST_LINE)
        return _text_entries(path, itertools.chain([first], file), width, 1)
    try:
        count, dim = map(int, header)
    except ValueError:
        raise InputError(path, 1, f"the header {_show(first)}", "`<words> <width>` or a vector") from None
    if dim < 1:
        raise InputError(path, 1, f"width {dim}", "a width of at least 1")
    if _is_binary(file, dim):
        return _binary_entries(path, file, count, dim)
    return _counted(path, _text_entries(path, file, _Width(dim, _HEADER), 2), count)


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


class _Width(NamedTuple):
    """How many numbers every vector has, and, for error messages, which line says so and what to do."""

    dim: int
    reason: str


def _text_entries(
    path: str | Path, lines: Iterator[bytes], width: _Width, first_line: int
) -> Iterator[tuple[str, _Values]]:
    dim = width.dim
    for number, line in enumerate(lines, first_line):
        fields = _fields(line)
        word, numbers = fields[:-dim], fields[-dim:]
        if dim < 1 or not word or (len(word) > 1 and not _is_split_word(word, numbers)):
            raise _contradiction(path, number, line, width)
        yield _decode(path, number, b" ".join(word)), _Values(path, number, numbers)


def _fields(line: bytes) -> list[bytes]:
    return line.rstrip().split(b" ")


def _is_split_word(word: list[bytes], numbers: list[bytes]) -> bool:
    """Returns whether a line's first parts are a word with spaces, not one number too many or too few."""
    ends_in_number = _is_number(word[-1]) and not word[-1].isalpha()  # "to infinity" is a word
    return all(word) and not ends_in_number and _is_number(numbers[0])


def _is_number(field: bytes) -> bool:
    """Returns whether a field is the text of a number, finite or not."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def _trailing_numbers(fields: list[bytes]) -> int:
    """Returns how many numbers follow the word, which is at least the first field."""
    return sum(1 for _ in itertools.takewhile(_is_number, reversed(fields[1:])))


def _contradiction(path: str | Path, line: int, raw: bytes, width: _Width) -> InputError:
    """Returns the error for a line that is not a word and `width.dim` numbers."""
    fields = _fields(raw)
    found = f"{_trailing_numbers(fields)} numbers ({_show(raw)})"
    if width.dim < 1:
        return InputError(path, line, found, "a word and its numbers, separated by single spaces")
    if b"" in fields and len(fields) > width.dim:
        return InputError(path, line, f"two spaces in a row or one in front ({_show(raw)})", "single spaces")
    return InputError(path, line, found, f"a word and {width.dim} numbers {width.reason}")


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
    if file.read(1000).strip():
        found = f"bytes after {count} words of width {dim}"
        raise InputError(
            path, None, found, "the end of the file there, or a header with its number and width"
        )


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
