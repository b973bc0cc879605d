"""The reader of pretrained word vectors: word2vec and GloVe text, optionally gzipped, and word2vec binary.

A file is read once, and only a part is kept: the wanted words and the file's first words. Files are ordered
by frequency, so most words of new text have a vector at prediction time.

All vectors of a file have one width. In text, the header or the first line states the width, and every other
line must agree. A word may contain single spaces, as a few words of GloVe do (". . .", "at name@domain.com").
The last part of such a word is not a number: "queen 4" is read as a vector with one number too many. A word
without a space may be a number ("1999").
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

_HEADER = "as stated in the header (correct the header or the line)"
_FIRST_LINE = "as in line 1 (correct or remove one of the two lines)"
_WIDEST, _LONGEST_LINE = 16_384, 2**20
"""Far above what files contain. Memory for a line must not grow with a file of one line or a wrong header."""

_UNKNOWN_NAMES = ("<unk>", "<UNK>", "UNK", "unk", "UNKNOWN")


class WordVectors(NamedTuple):
    """Words and their vectors.

    Attributes:
      words: the words.
      matrix: the vector of `words[i]` in row i + 1, and the vector of the unknown word in row 0.
      unknown: the file's name for the unknown word; None: the file does not contain an unknown word.
    """

    words: tuple[str, ...]
    matrix: Float[np.ndarray, "v e"]
    unknown: str | None = None


def read_word_vectors(path: str | Path, wanted: Collection[str], num_frequent: int) -> WordVectors:
    """Reads the needed vectors of a file.

    Args:
      path: a file of word2vec text with or without a header, GloVe text, or word2vec binary, optionally
        gzipped.
      wanted: words to keep at any place of the file.
      num_frequent: the number of the file's first words to keep in addition.

    Returns:
      The kept words in file order. A repeated word has its first vector. The vector of the unknown word is
      the file's vector of `<unk>` or a similar name if one exists, and otherwise zero.

    Raises:
      InputError: the file is missing or damaged, or a line is not a word with finite numbers. Their count
        must be as the header or the first line states.
    """
    if not Path(path).is_file():
        raise InputError(path, None, "no such file", "word vectors")
    kept: dict[str, np.ndarray] = {}
    unknown, name = None, None
    with _open(path) as file, np.errstate(over="ignore"):  # numbers beyond float32 are refused as not finite
        try:
            for index, (word, values) in enumerate(_entries(path, file)):
                if word in _UNKNOWN_NAMES and unknown is None:
                    unknown, name = values(), word
                elif (index < num_frequent or word in wanted) and word not in kept:
                    kept[word] = values()
        except (EOFError, OSError, zlib.error) as error:
            raise InputError(path, None, f"a damaged file ({error})", "word vectors") from None
    if not kept:
        raise InputError(path, None, "no word to keep", "word vectors")
    unknown = np.zeros_like(next(iter(kept.values()))) if unknown is None else unknown
    return WordVectors(tuple(kept), np.stack([unknown, *kept.values()]), name)


def _open(path: str | Path) -> io.BufferedReader:
    """Returns the file opened for reading bytes, unzipped if it is gzipped; the caller closes the file."""
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return io.BufferedReader(gzip.open(path)) if zipped else open(path, "rb")


def _entries(path: str | Path, file: io.BufferedReader) -> Iterator[tuple[str, "_Values"]]:
    """Yields each word with a function that parses its vector, so that unwanted numbers are never parsed."""
    lines = _lines(path, file)
    first = skip_bom(next(lines, b""))
    header = first.split(maxsplit=2)
    if len(header) != 2:
        width = _Width(_trailing_numbers(_fields(first)), _FIRST_LINE)
        return _text_entries(path, itertools.chain([first], lines), width, 1)
    try:
        count, dim = map(int, header)
    except ValueError:
        raise InputError(path, 1, f"the header {_show(first)}", "`<words> <width>` or a vector") from None
    if not 1 <= dim <= _WIDEST:
        raise InputError(path, 1, f"width {dim}", f"a width from 1 to {_WIDEST}")
    if _is_binary(file, dim):
        return _binary_entries(path, file, count, dim)
    return _counted(path, _text_entries(path, lines, _Width(dim, _HEADER), 2), count)


def _lines(path: str | Path, file: io.BufferedReader) -> Iterator[bytes]:
    """Yields the lines of a file, and raises an InputError for a line that no vector needs."""
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            found = f"a line of {_LONGEST_LINE} bytes or more"
            raise InputError(path, number, found, "a word and its vector on each line")
        yield line


def _counted(
    path: str | Path, entries: Iterator[tuple[str, "_Values"]], count: int
) -> Iterator[tuple[str, "_Values"]]:
    """Yields all entries, and raises at the end if their number differs from the header's."""
    found = 0
    for found, entry in enumerate(entries, 1):  # noqa: B007 - the last value is the count
        yield entry
    if found != count:
        raise InputError(path, None, f"{found} entries", f"{count} entries as stated in the header")


class _Values(NamedTuple):
    """The numbers of one entry, which a call parses.

    Attributes:
      path: the file, for error messages.
      line: the number of the line; None: the file is binary.
      raw: the bytes of all numbers in a binary file, or the fields of a text line.
    """

    path: str | Path
    line: int | None
    raw: bytes | list[bytes]

    def __call__(self) -> Float[np.ndarray, " e"]:
        """Returns the vector, and raises an InputError if an entry is not a finite number."""
        try:
            binary = isinstance(self.raw, bytes)
            values = np.frombuffer(self.raw, "<f4") if binary else np.array(self.raw, np.float32)
        except ValueError:
            piece = _show(next((field for field in self.raw if not _is_number(field)), b" ".join(self.raw)))
            found = f"an entry that is not a number ({piece})"
            raise InputError(self.path, self.line, found, "a word and its vector") from None
        if not np.isfinite(values).all():
            raise InputError(self.path, self.line, "a number that is not finite", "a word and its vector")
        return values.astype(np.float32)


class _Width(NamedTuple):
    """The width of all vectors.

    Attributes:
      dim: how many numbers every vector has.
      reason: for error messages, where the width is stated and how to correct it.
    """

    dim: int
    reason: str


def _text_entries(
    path: str | Path, lines: Iterator[bytes], width: _Width, first_line: int
) -> Iterator[tuple[str, _Values]]:
    """Yields the entries of a text file, like `_entries`."""
    dim = width.dim
    for number, line in enumerate(lines, first_line):
        fields = _fields(line)
        word, numbers = fields[:-dim], fields[-dim:]
        if dim < 1 or not word or (len(word) > 1 and not _is_split_word(word, numbers)):
            raise _contradiction(path, number, line, width)
        yield _decode(path, number, b" ".join(word)), _Values(path, number, numbers)


def _fields(line: bytes) -> list[bytes]:
    """Returns the parts of a line between single spaces."""
    return line.rstrip().split(b" ")


def _is_split_word(word: list[bytes], numbers: list[bytes]) -> bool:
    """Returns whether a line's first parts form a word with spaces and not a word with a wrong width."""
    ends_in_number = _is_number(word[-1]) and not word[-1].isalpha()  # "to infinity" is a word
    return all(word) and not ends_in_number and _is_number(numbers[0])


def _is_number(field: bytes) -> bool:
    """Returns whether a field is a number, finite or not."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def _trailing_numbers(fields: list[bytes]) -> int:
    """Returns how many numbers end a line, whose first field always belongs to the word."""
    return sum(1 for _ in itertools.takewhile(_is_number, reversed(fields[1:])))


def _contradiction(path: str | Path, line: int, raw: bytes, width: _Width) -> InputError:
    """Returns the error for a line that is not a word with `width.dim` numbers."""
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
    """Yields the entries of a binary file after its header, like `_entries`.

    Args:
      path: the file, for error messages.
      file: the file, read up to the end of the header.
      count: the number of entries.
      dim: the width of the vectors.
    """
    wanted = f"{count} entries as stated in the header"
    for number in range(count):
        word = b""
        while not word.endswith(b" "):
            byte = file.read(1)
            if not byte or len(word) > 1000:
                raise InputError(path, None, f"{number} entries", wanted)
            word += byte
        raw = file.read(4 * dim)
        if len(raw) < 4 * dim:
            raise InputError(path, None, f"{number} entries", wanted)
        yield _decode(path, None, word[:-1].lstrip(b"\n")), _Values(path, None, raw)
    if file.read(1000).strip():
        found = f"bytes after {count} words of width {dim}"
        raise InputError(
            path, None, found, "the end of the file, or a header with the right number and width"
        )


def _is_binary(file: io.BufferedReader, dim: int) -> bool:
    """Returns whether the bytes after the header are not a text entry, whose numbers are printable.

    The `dim` numbers of a text entry fill at least 2 dim bytes.
    """
    numbers = file.peek(1).partition(b" ")[2][: 2 * dim]
    return not all(32 <= byte < 127 or byte in b"\t\r\n" for byte in numbers)


def _decode(path: str | Path, line: int | None, word: bytes) -> str:
    """Returns a word as text, and raises an InputError if it is not valid UTF-8."""
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        found = f"a word that is not valid UTF-8 ({_show(word)})"
        raise InputError(path, line, found, "UTF-8 text") from None


def _show(raw: bytes) -> str:
    """Returns the beginning of a line or word for error messages."""
    return repr(raw[:40].decode("utf-8", "replace").strip())
