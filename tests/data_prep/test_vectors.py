"""Tests of vectors for tokens without one: the rule for the parts, and the program."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cman_jax.data.corpus import write_jsonl
from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.types import Sentence
from data_prep.vectors import complete, vector_from_parts

VECTORS = {word: np.eye(6)[k] for k, word in enumerate(("US", "s", "tel", "aviv", "based", "0"))}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("U.S.", ["US"]),
        ("'s", ["s"]),
        ("Tel-Aviv-based", ["tel", "aviv", "based"]),
        ("Tel-Qatif", ["tel"]),
        ("12-based", ["0", "based"]),
        ("--", []),
        ("Qatif", []),
    ],
)
def test_a_token_gets_the_mean_vector_of_its_known_parts(token: str, words: list[str]) -> None:
    vector = vector_from_parts(token, VECTORS)
    if words:
        np.testing.assert_allclose(vector, np.mean([VECTORS[word] for word in words], 0))
    else:
        assert vector is None


def test_tokens_with_a_vector_get_no_new_one() -> None:
    made, without = complete(["us", "us", "Based", "7", "U.S.", "Qatif", "U.S."], VECTORS)
    assert list(made) == ["U.S."]
    assert without == ("us", "Qatif")  # the forms of "us" that `look_up` tries are "us" and "Us"


def complete_file(tmp_path: Path, content: str, tokens: tuple[str, ...]) -> tuple[WordVectors, str]:
    """Runs the program on a corpus with these tokens and a file with this content.

    Returns:
      The vectors that training reads from the program's file, and the program's output.
    """
    for split in ("train", "dev"):
        write_jsonl(tmp_path / "data" / f"{split}.jsonl", [Sentence("1", tokens)])
    (tmp_path / "vectors.txt").write_text(content)
    arguments = [f"--vectors={tmp_path}/vectors.txt", f"--data={tmp_path}/data", f"--out={tmp_path}/new/v.gz"]
    command = [sys.executable, "-m", "data_prep.vectors", *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return read_word_vectors(tmp_path / "new" / "v.gz", (), 100), output


def test_the_command_writes_a_file_that_training_reads(tmp_path: Path) -> None:
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in VECTORS.items()]
    vectors, output = complete_file(tmp_path, "\n".join(lines) + "\n", ("US", "U.S.", "Qatif"))
    assert output == (
        "3 distinct tokens: 1 had a vector, 1 got a vector from their parts, 1 have no vector\n"
    )
    assert vectors.words == (*VECTORS, "U.S.")
    assert vectors.unknown is None
    np.testing.assert_array_equal(vectors.matrix, [np.zeros(6), *VECTORS.values(), VECTORS["US"]])


def test_the_words_of_the_file_and_its_unknown_word_keep_their_vectors(tmp_path: Path) -> None:
    content = "Mr. 1 2 0.123456789\n<unk> 9 9 9\nUNK 8 8 8\n. . . 1e-30 -0 3\nUS 7 7 7\n"
    (tmp_path / "before").write_text(content)
    before = read_word_vectors(tmp_path / "before", (), 100)
    vectors, _ = complete_file(tmp_path, content, ("Ann", "U.S."))
    assert vectors.unknown == "<unk>"
    assert vectors.words == ("Mr.", "UNK", ". . .", "US", "U.S.")
    np.testing.assert_array_equal(vectors.matrix[0], [9, 9, 9])
    np.testing.assert_array_equal(vectors.matrix[:-1], before.matrix)


def test_the_file_of_the_vectors_is_not_replaced(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [Sentence("1", ("US",))])
    (file := tmp_path / "v.txt").write_text("US 7 7 7\n")
    places = (f"--vectors={file}", f"--data={tmp_path}", f"--out={file}")
    done = subprocess.run(
        [sys.executable, "-m", "data_prep.vectors", *places], capture_output=True, text=True, check=False
    )
    assert (done.returncode, file.read_text()) == (2, "US 7 7 7\n")
    assert done.stderr == f"error: {file}: found the file of --vectors, expected another file to write\n"
