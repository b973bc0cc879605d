"""Tests that every format gives the same vectors, and that malformed files are refused with the place."""

import gzip
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.errors import InputError
from tests.builders import normal

WORDS = ("the", "Köln", "New", "0", "</s>")
MATRIX = normal(0, len(WORDS), 3).round(3)

ALL = 10**9


def text(words: Sequence[str] = WORDS, matrix: np.ndarray = MATRIX) -> bytes:
    """Returns a file as GloVe writes it."""
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, matrix, strict=True)]
    return "".join(line + "\n" for line in lines).encode()


def text_with_header(words: Sequence[str] = WORDS, matrix: np.ndarray = MATRIX) -> bytes:
    """Returns a file of word2vec text."""
    return b"%d %d\n" % matrix.shape + text(words, matrix)


def binary(words: Sequence[str] = WORDS, matrix: np.ndarray = MATRIX, end: bytes = b"\n") -> bytes:
    """Returns a file as word2vec writes it; gensim ends entries without a newline."""
    rows = [struct.pack(f"<{len(row)}f", *row) for row in matrix]
    entries = [word.encode() + b" " + row + end for word, row in zip(words, rows, strict=True)]
    return b"%d %d\n" % matrix.shape + b"".join(entries)


def read(path: Path, content: bytes, wanted: Sequence[str] = (), num_frequent: int = ALL) -> WordVectors:
    """Returns the vectors of a file with this content, which is written to the directory `path`."""
    file = path / "vectors"
    file.write_bytes(content)
    return read_word_vectors(file, wanted, num_frequent)


FORMATS = {
    "text": text,
    "text with header": text_with_header,
    "text with DOS line ends": lambda: text().replace(b"\n", b"\r\n"),
    "text with trailing spaces": lambda: text_with_header().replace(b"\n", b" \n"),
    "text without a last line end": lambda: text_with_header()[:-1],
    "gzipped text": lambda: gzip.compress(text()),
    "binary": binary,
    "binary without newlines": lambda: binary(end=b""),
    "gzipped binary": lambda: gzip.compress(binary()),
}


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_vectors(tmp_path: Path, write: Callable[[], bytes]) -> None:
    vectors = read(tmp_path, write())
    assert vectors.words == WORDS
    assert vectors.matrix.dtype == np.float32
    assert not vectors.matrix[0].any()
    assert vectors.unknown is None
    np.testing.assert_array_equal(vectors.matrix[1:], MATRIX)


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=8, max_size=8)))
def test_binary_numbers_survive_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]]
) -> None:
    """Includes numbers whose bytes are spaces and line ends."""
    rows = [[0.0] * 8, list(struct.unpack("<8f", b"\n \r\n" * 8)), *rows]
    words = [f"w{i}" for i in range(len(rows))]
    vectors = read(tmp_path_factory.mktemp("binary"), binary(words, np.array(rows, np.float32)))
    assert vectors.words == tuple(words)
    np.testing.assert_array_equal(vectors.matrix[1:], np.float32(rows))


@pytest.mark.parametrize("first", [10, 13, 32, 48, 0])
def test_a_binary_file_is_recognised_by_more_than_its_first_byte(tmp_path: Path, first: int) -> None:
    matrix = MATRIX.copy()
    matrix[0, 0] = struct.unpack("<f", bytes([first, 200, 130, 60]))[0]
    np.testing.assert_array_equal(read(tmp_path, binary(matrix=matrix)).matrix[1:], matrix)


def test_wide_vectors_in_either_format(tmp_path: Path) -> None:
    matrix = normal(1, 3, 2000)
    for write in (text, text_with_header, binary):
        np.testing.assert_array_equal(read(tmp_path, write(WORDS[:3], matrix)).matrix[1:], matrix)


def test_wanted_words_are_kept_at_any_place_in_addition_to_the_most_frequent(tmp_path: Path) -> None:
    vectors = read(tmp_path, text(), wanted=["0", "absent", "the"], num_frequent=2)
    assert vectors.words == ("the", "Köln", "0")
    np.testing.assert_array_equal(vectors.matrix[1:], MATRIX[[0, 1, 3]])
    assert read(tmp_path, text(), wanted={"New"}, num_frequent=0).words == ("New",)


def test_numbers_of_unwanted_words_are_not_parsed(tmp_path: Path) -> None:
    content = text() + b"odd x y z\n"
    assert read(tmp_path, content, num_frequent=5).words == WORDS
    with pytest.raises(InputError):
        read(tmp_path, content, wanted=["odd"], num_frequent=5)


def test_words_may_contain_spaces(tmp_path: Path) -> None:
    words = ("the", ". . .", "at name@domain.com", "\u00a0", "2 1/2", "to infinity", "1999 or so")
    for order in (words, words[::-1]):  # the first line shows the width, with spaces in its word or without
        for write in (text, text_with_header):
            assert read(tmp_path, write(order, normal(0, 7, 3).round(3))).words == order


def test_a_word_may_be_a_number(tmp_path: Path) -> None:
    words = ("1999", "3.5", "nan", "-1", "1e5")
    for write in (text, text_with_header):
        vectors = read(tmp_path, write(words))
        assert vectors.words == words
        np.testing.assert_array_equal(vectors.matrix[1:], MATRIX)


@pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)
def test_a_byte_order_mark_is_not_part_of_the_first_word(tmp_path: Path, write: Callable[[], bytes]) -> None:
    content = write()
    if content.startswith(b"\x1f\x8b"):
        content = gzip.compress(b"\xef\xbb\xbf" + gzip.decompress(content))
    else:
        content = b"\xef\xbb\xbf" + content
    vectors = read(tmp_path, content)
    assert vectors.words == WORDS
    np.testing.assert_array_equal(vectors.matrix[1:], MATRIX)


@pytest.mark.parametrize(
    ("content", "line", "found", "expected"),
    [
        (b"king 1 2\nqueen 4 5 6\nat 7 8 9\n", 2, "3 numbers ('queen 4 5 6')", "2 numbers as in line 1"),
        (b"king 1 2 3 4\nqueen 4 5 6\nat 7 8 9\n", 2, "3 numbers ('queen 4 5 6')", "4 numbers as in line 1"),
        (
            b"2 2\nking 1 2 3\nqueen 4 5 6\n",
            2,
            "3 numbers ('king 1 2 3')",
            "2 numbers as stated in the header",
        ),
        (
            b"2 4\nking 1 2 3\nqueen 4 5 6\n",
            2,
            "3 numbers ('king 1 2 3')",
            "4 numbers as stated in the header",
        ),
        (b"3 3\nking 1 2 3\nqueen 4 5 6 7\nat 7 8 9\n", 3, "4 numbers", "3 numbers as stated in the header"),
        (b"king 1 2\nat 3 4\n1999 4 5 6\n", 3, "3 numbers ('1999 4 5 6')", "2 numbers as in line 1"),
        (b"king 1 2\n. . . 4\n", 2, "1 numbers ('. . . 4')", "2 numbers as in line 1"),
        (b"king 1 2\nqueen  3 4\n", 2, "two spaces", "single spaces"),
        (b"king 1 2\n queen 3 4\n", 2, "two spaces in a row or one in front", "single spaces"),
        (b"king\t1\t2\n", 1, "0 numbers", "a word and its numbers, separated by single spaces"),
    ],
)
def test_a_contradicting_width_is_refused_even_for_unwanted_words(
    tmp_path: Path, content: bytes, line: int, found: str, expected: str
) -> None:
    for wanted, num_frequent in (((), ALL), (("king",), 0)):
        with pytest.raises(InputError) as error:
            read(tmp_path, content, wanted, num_frequent)
        assert (error.value.line, error.value.path) == (line, str(tmp_path / "vectors"))
        assert found in error.value.found
        assert expected in error.value.expected
        assert "\n" not in str(error.value)


def test_a_repeated_word_has_its_first_vector(tmp_path: Path) -> None:
    vectors = read(tmp_path, text(("a", "b", "a", "c", "b")))
    assert vectors.words == ("a", "b", "c")
    np.testing.assert_array_equal(vectors.matrix[1:], MATRIX[[0, 1, 3]])


@pytest.mark.parametrize("name", ["<unk>", "UNK"])
def test_the_files_unknown_word_is_row_0_even_if_rare(tmp_path: Path, name: str) -> None:
    vectors = read(tmp_path, text(("a", "b", "c", name, "d")), num_frequent=2)
    assert vectors.words == ("a", "b")
    assert vectors.unknown == name
    np.testing.assert_array_equal(vectors.matrix, MATRIX[[3, 0, 1]])


@pytest.mark.parametrize(
    ("content", "line", "found"),
    [
        (b"a 1 2\nb 3\n", 2, "1 numbers"),
        (b"2 2\na 1 2\nb 3\n", 3, "1 numbers"),
        (b"2 2\na 1\nb 3 4\n", 2, "1 numbers"),
        (b"a 1 2\n\nb 3 4\n", 2, "0 numbers"),
        (b"a 1 2\nb 3 x\n", 2, r"an entry that is not a number \('x'\)"),
        (b"1 2\na 0x1 2\n", 2, "'0x1'"),
        (b"a 1 2\nb 3 nan\n", 2, "not finite"),
        (b"a 1 2\nb inf 2\n", 2, "not finite"),
        (b"a 1 2\nb 3 1e39\n", 2, "not finite"),
        (b"a 1 2\nb\xff 3 4\n", 2, "a word that is not valid UTF-8"),
        (b"a\n", 1, "0 numbers"),
        (b"", 1, "0 numbers"),
        (b"2 wide\na 1 2\n", 1, "the header"),
        (b"3 2\na 1 2\nb 3 4\n", None, "2 entries, expected 3"),
        (b"many 2\na 1 2\n", 1, "the header"),
        (b"2 0\na\n", 1, "width 0"),
        (b"2 -1\na\n", 1, "width -1"),
        (b"2 1000000000000\na \0\0\0\0", 1, "width 1000000000000, expected a width from 1 to 16384"),
        (b"a 1 2\n" + b"b " * 2**20, 2, "a line of 1048576 bytes or more"),
        (b"1 " * 2**20, 1, "a line of 1048576 bytes or more"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(
    tmp_path: Path, content: bytes, line: int | None, found: str
) -> None:
    for compress in (bytes, gzip.compress):
        with pytest.raises(InputError, match=found) as error:
            read(tmp_path, compress(content))
        assert error.value.line == line
        assert error.value.path == str(tmp_path / "vectors")


def test_the_error_for_a_short_binary_file_names_its_number_of_entries(tmp_path: Path) -> None:
    whole = binary()
    for end in (len(whole) - 2, len(whole) - 15, len(whole) - 19):
        with pytest.raises(InputError, match="found 4 entries, expected 5"):
            read(tmp_path, whole[:end])


@pytest.mark.parametrize("header", [b"4 3", b"5 2", b"5 1", b"0 3"])
def test_a_binary_file_longer_than_its_header_states_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(InputError):
        read(tmp_path, header + binary().removeprefix(b"5 3"))
    with pytest.raises(
        InputError, match="found bytes after 4 words of width 3, expected the end of the file"
    ):
        read(tmp_path, b"4 3" + binary().removeprefix(b"5 3"))


def test_a_binary_number_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    matrix = MATRIX.copy()
    matrix[2, 1] = np.nan
    with pytest.raises(InputError, match="not finite"):
        read(tmp_path, binary(matrix=matrix))


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(text(*large()))
    assert len(read(tmp_path, whole).words) == 500
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    wrong_sum = whole[:-8] + bytes(8)
    for damaged in (whole[:-4], whole[: len(whole) // 2], whole[:12], bytes(flipped), wrong_sum):
        with pytest.raises(InputError):
            read(tmp_path, damaged)


def large() -> tuple[list[str], np.ndarray]:
    """Returns words and vectors that fill more than one block of a gzip file."""
    return [f"word{i}" for i in range(500)], normal(0, 500, 5)


def test_any_flipped_byte_of_a_gzip_file_is_noticed_or_harmless(tmp_path: Path) -> None:
    whole = gzip.compress(text())
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        try:
            assert read(tmp_path, bytes(damaged)).words == WORDS
        except InputError:
            continue


def test_missing_files_and_files_without_a_kept_word_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_word_vectors(tmp_path / "absent", [], ALL)
    with pytest.raises(InputError, match="no such file"):
        read_word_vectors(tmp_path, [], ALL)
    with pytest.raises(InputError, match="no word"):
        read(tmp_path, text(), num_frequent=0)


@pytest.mark.usefixtures("unchecked")
def test_the_vectors_of_bekoulis(shared_data: Path) -> None:
    path = shared_data / "vectors" / "wiki2015-skipgram-50d.txt.gz"
    vectors = read_word_vectors(path, [], ALL)
    assert len(vectors.words) == 119_885
    assert vectors.matrix.shape == (119_886, 50)
    assert vectors.words[:3] == ("the", ",", ".")
    np.testing.assert_allclose(vectors.matrix[1, :3], [-0.1348, -0.3071, -0.0142])
