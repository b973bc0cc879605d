"""Vectors for tokens that a file lacks: the rule, and the command from file to file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cman_jax.data.corpus import write_jsonl
from cman_jax.data.word_vectors import read_word_vectors
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
def test_a_token_gets_the_vector_of_what_is_known_of_it(token: str, words: list[str]) -> None:
    vector = vector_from_parts(token, VECTORS)
    if words:
        np.testing.assert_allclose(vector, np.mean([VECTORS[word] for word in words], 0))
    else:
        assert vector is None


def test_tokens_that_the_lookup_finds_are_left_alone() -> None:
    made, without = complete(["us", "us", "Based", "7", "U.S.", "Qatif", "U.S."], VECTORS)
    assert list(made) == ["U.S."]
    assert without == ("us", "Qatif")  # the lookup's forms of "us" are itself and "Us"


def test_the_command_writes_a_file_that_training_reads(tmp_path: Path) -> None:
    sentences = [Sentence("1", ("US", "U.S.", "Qatif"))]
    for split in ("train", "dev"):
        write_jsonl(tmp_path / "data" / f"{split}.jsonl", sentences)
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in VECTORS.items()]
    (tmp_path / "vectors.txt").write_text("\n".join(lines) + "\n")
    arguments = [f"--vectors={tmp_path}/vectors.txt", f"--data={tmp_path}/data", f"--out={tmp_path}/new/v.gz"]
    command = [sys.executable, "-m", "data_prep.vectors", *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output == "3 different tokens: 1 had a vector, 1 have one from their parts, 1 have none\n"
    words, matrix = read_word_vectors(tmp_path / "new" / "v.gz", (), 100)
    assert words == (*VECTORS, "U.S.")
    np.testing.assert_array_equal(matrix[1:], [*VECTORS.values(), VECTORS["US"]])
