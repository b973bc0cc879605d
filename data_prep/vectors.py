"""The completion of word vectors for a corpus: a token without a vector gets the mean vector of its parts.

    python -m data_prep.vectors --vectors=vectors.txt.gz --data=data/conll04 --out=data/vectors.txt.gz

Word vectors often come from text with another tokenization than the corpus. A file that splits words at
punctuation has no "U.S.", "Jr." or "'s", so that all of these share the vector of the unknown word. Here
"U.S." gets the vector of "US", and "'s" gets the vector of "s". "Tel-Aviv-based" gets the mean of its three
parts' vectors. The words of the file keep their vectors to the bit. The unknown word of the file (such as
"<unk>"), if it has one, comes first.
"""

import gzip
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import flags
from jaxtyping import Float

from cman_jax.app.program import run_main
from cman_jax.data.corpus import load_splits
from cman_jax.data.inputs import is_read
from cman_jax.data.vocab import look_up
from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.errors import InputError
from cman_jax.files import write_atomically

Vector = Float[np.ndarray, " e"]


def vector_from_parts(token: str, vectors: Mapping[str, Vector]) -> Vector | None:
    """Returns a vector for a token from its parts, or None if no part has a vector.

    The function first looks up the token without dots, then the token without outer punctuation. Otherwise it
    averages the vectors of the parts. A part with a digit is looked up as "0", as in files that replace all
    numbers by "0".

    Args:
      token: the token.
      vectors: the known vectors, by word.
    """
    for form in (token.replace(".", ""), token.strip("'-`\".,")):
        if (vector := look_up(form, vectors)) is not None:
            return vector
    parts = ["0" if re.search(r"\d", part) else part for part in re.split(r"\W+", token) if part]
    found = [vector for part in parts if (vector := look_up(part, vectors)) is not None]
    return np.mean(found, 0) if found else None


def complete(
    tokens: Sequence[str], vectors: Mapping[str, Vector]
) -> tuple[dict[str, Vector], tuple[str, ...]]:
    """Makes vectors for the distinct tokens without a vector.

    Args:
      tokens: the tokens of the corpus.
      vectors: the known vectors, by word.

    Returns:
      The new vectors by token, and the tokens whose parts have no vectors.
    """
    missing = [token for token in dict.fromkeys(tokens) if look_up(token, vectors) is None]
    made = {token: vector_from_parts(token, vectors) for token in missing}
    without = tuple(token for token, vector in made.items() if vector is None)
    return {token: vector for token, vector in made.items() if vector is not None}, without


def to_word2vec(vectors: WordVectors, made: Mapping[str, Vector]) -> str:
    """Returns the known and the new vectors as word2vec text; `read_word_vectors` reads the same numbers.

    Args:
      vectors: the known vectors.
      made: the new vectors, by token.
    """
    entries = list(zip(vectors.words, vectors.matrix[1:], strict=True))
    if vectors.unknown is not None:
        entries.insert(0, (vectors.unknown, vectors.matrix[0]))
    entries += made.items()
    lines = [f"{len(entries)} {vectors.matrix.shape[1]}"]
    lines += [f"{word} {' '.join(map(str, np.float32(vector)))}" for word, vector in entries]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str]) -> None:
    """Reads the vectors, completes them, writes the result, and prints how many tokens have a vector.

    Args:
      argv: not used; absl has parsed the flags.
    """
    del argv
    given = flags.FLAGS
    if is_read(Path(given.out), given.vectors):
        raise InputError(given.out, None, "the file of --vectors", "another file to write")
    splits = load_splits(given.data)
    tokens = [token for split in splits.values() for sentence in split for token in sentence.tokens]
    vectors = read_word_vectors(given.vectors, (), sys.maxsize)
    made, without = complete(tokens, dict(zip(vectors.words, vectors.matrix[1:], strict=True)))
    write_atomically(given.out, gzip.compress(to_word2vec(vectors, made).encode(), 6, mtime=0))
    distinct = len(set(tokens))
    print(f"{distinct} distinct tokens: {distinct - len(made) - len(without)} had a vector,", end=" ")
    print(f"{len(made)} got a vector from their parts, {len(without)} have no vector")


if __name__ == "__main__":
    flags.DEFINE_string(
        "vectors", None, "File of word vectors, in a format that `cman train` reads.", required=True
    )
    flags.DEFINE_string("data", None, "Folder of the corpus.", required=True)
    flags.DEFINE_string("out", None, "File to write, in word2vec's text format, gzipped.", required=True)
    run_main(main)
