"""Completes a file of word vectors for a corpus: a token that has none gets the mean of its parts'.

    python -m data_prep.vectors --vectors=vectors.txt.gz --data=data/conll04 --out=data/vectors.txt.gz

Vectors are made of text that was cut into words in another way than the corpus: a file that splits at
punctuation has no "U.S.", "Jr." or "'s", and all of these share the unknown word's vector. Here "U.S." gets
that of "US", "'s" that of "s", and "Tel-Aviv-based" the mean of its three parts. The file's own words keep
their vectors to the bit; its unknown word (such as "<unk>"), if it has one, comes first.
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
from cman_jax.data.vocab import look_up
from cman_jax.data.word_vectors import WordVectors, read_word_vectors
from cman_jax.files import write_atomically

Vector = Float[np.ndarray, " e"]


def vector_from_parts(token: str, vectors: Mapping[str, Vector]) -> Vector | None:
    """The vector of the token without its dots or outer punctuation, else the mean of its parts'.

    Parts with a digit count as "0", as in files where all numbers do. None: no part has a vector.
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
    """Vectors for those distinct tokens that have none, and the tokens that none can be made for."""
    missing = [token for token in dict.fromkeys(tokens) if look_up(token, vectors) is None]
    made = {token: vector_from_parts(token, vectors) for token in missing}
    without = tuple(token for token, vector in made.items() if vector is None)
    return {token: vector for token, vector in made.items() if vector is not None}, without


def to_word2vec(vectors: WordVectors, made: Mapping[str, Vector]) -> str:
    """Returns word2vec text of the vectors and the made ones; `read_word_vectors` reads the same numbers."""
    entries = list(zip(vectors.words, vectors.matrix[1:], strict=True))
    if vectors.unknown is not None:
        entries.insert(0, (vectors.unknown, vectors.matrix[0]))
    entries += made.items()
    lines = [f"{len(entries)} {vectors.matrix.shape[1]}"]
    lines += [f"{word} {' '.join(map(str, np.float32(vector)))}" for word, vector in entries]
    return "\n".join(lines) + "\n"


_VECTORS = flags.DEFINE_string("vectors", None, "Word vectors, as for experiments.train.", required=True)
_DATA = flags.DEFINE_string("data", None, "Folder of the corpus.", required=True)
_OUT = flags.DEFINE_string("out", None, "File to write: word2vec text, gzipped.", required=True)


def main(argv: Sequence[str]) -> None:
    """Reads, completes, writes, and says what was done."""
    del argv
    splits = load_splits(_DATA.value)
    tokens = [token for split in splits.values() for sentence in split for token in sentence.tokens]
    vectors = read_word_vectors(_VECTORS.value, (), sys.maxsize)
    made, without = complete(tokens, dict(zip(vectors.words, vectors.matrix[1:], strict=True)))
    out = Path(_OUT.value)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, gzip.compress(to_word2vec(vectors, made).encode(), 6, mtime=0))
    distinct = len(set(tokens))
    print(f"{distinct} different tokens: {distinct - len(made) - len(without)} had a vector,", end=" ")
    print(f"{len(made)} have one from their parts, {len(without)} have none")


if __name__ == "__main__":
    run_main(main)
