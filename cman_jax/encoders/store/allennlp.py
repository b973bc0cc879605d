"""ELMo's features as AllenNLP 0.x writes them: `allennlp elmo SENTENCES OUT --all`.

SENTENCES is a text file with one sentence per line, its tokens separated by spaces. OUT is an HDF5 file with
one float32 dataset [l n d] per sentence.

By default a dataset's name is the number of its line. The dataset `sentence_to_index` contains JSON with the
number of each sentence; equal lines have the number of the last one. With --forget-sentences this dataset is
missing, and the sentences cannot be found.

With --use-sentence-keys a dataset's name is the sentence itself. HDF5 reads a name with a slash as a path:
the text before the slash is a group. So "a // b" and "a / b" are one name, and AllenNLP refuses to write it
twice.

AllenNLP carries the state of its LSTMs from batch to batch, so these features depend on the order of the
lines.

Source: allennlp/commands/elmo.py of AllenNLP 0.8 and 0.9.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16

from cman_jax.encoders.hdf5 import dataset_in, open_hdf5, reading
from cman_jax.encoders.store.source import FeatureSource, quote, to_float16
from cman_jax.errors import InputError
from cman_jax.files import file_digest, show, unique_keys
from cman_jax.types import EncoderSpec, is_token

_NUMBERS = "sentence_to_index"
_EXPECTED = "an HDF5 file of AllenNLP with all layers of ELMo"
_VERSION = 1


class AllenNLPFeatures(FeatureSource):
    """A store that reads AllenNLP's HDF5 file, one sentence at a time.

    The file does not name ELMo's weights, so the digest in `spec` is the SHA-256 of the whole file.

    Args:
      path: the HDF5 file.

    Raises:
      InputError: the file is missing or damaged, its layout is not AllenNLP's, or the extra `elmo` is not
        installed.
    """

    remedy = "run AllenNLP on all of them"

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._file = open_hdf5(self.path, _EXPECTED)
        with reading(self.path, _EXPECTED):
            self._numbers = _read_numbers(self.path, self._file)
            num_layers, _, width = _first_shape(self.path, self._file)
            digest = file_digest(self.path)
        self.spec = EncoderSpec("allennlp elmo", num_layers, width, digest, _VERSION)

    def __contains__(self, tokens: Sequence[str]) -> bool:
        """Returns whether the file has the sentence's features; True for the empty sentence.

        Raises:
          InputError: the sentence's dataset has another shape or type than its tokens need.
        """
        return not tokens or self._dataset(tokens) is not None

    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """Returns the sentence's features, read from the file.

        Args:
          tokens: the tokens of the sentence.

        Raises:
          InputError: the file does not have the sentence, or a value is not finite in float16.
        """
        if not tokens:
            return np.empty((self.spec.num_layers, 0, self.spec.width), np.float16)
        dataset = self._dataset(tokens)
        if dataset is None:
            raise self._incomplete(f"no features for {quote(tokens)}")
        with reading(self.path, _EXPECTED):
            return to_float16(dataset[()], tokens, self.path)

    def _dataset(self, tokens: Sequence[str]) -> Any | None:
        """Returns the sentence's dataset after checking its shape and type; None if the file has none."""
        if not all(map(is_token, tokens)):  # no line of text contains such a sentence
            return None
        name = " ".join(tokens) if self._numbers is None else self._numbers.get(tuple(tokens))
        with reading(self.path, _EXPECTED):
            found = dataset_in(self._file, name, self.path) if name else None
        if found is None:
            return None
        expected = (self.spec.num_layers, len(tokens), self.spec.width)
        if found.shape != expected or found.dtype != np.float32:
            wrong = f"{found.dtype} {found.shape} for {quote(tokens)}"
            raise InputError(self.path, None, wrong, f"float32 {expected}: layers, tokens, width")
        return found


def _is_dataset(found: Any) -> bool:
    """Returns whether an HDF5 object is a dataset.

    A group, which is the first part of a name with a slash, has no shape.
    """
    return hasattr(found, "shape")


def _read_numbers(path: Path, file: Any) -> dict[tuple[str, ...], str] | None:
    """Returns the name of each sentence's dataset; None if the sentences themselves are the names.

    Raises:
      InputError: the file has numbered sentences without an index, or the index is damaged or ambiguous.
    """
    if _NUMBERS not in file:
        if all(name.isdecimal() for name in file):
            found = f"numbered sentences without {_NUMBERS!r}"
            raise InputError(path, None, found, "the number of each sentence in that dataset")
        return None
    stored = dataset_in(file, _NUMBERS, path)
    if stored is None or stored.shape != (1,):
        raise InputError(path, None, f"{_NUMBERS!r} that is not a text", "the number of each sentence")
    index = json.loads(stored.asstr()[0], object_pairs_hook=unique_keys)
    if not isinstance(index, dict) or not all(isinstance(number, str) for number in index.values()):
        raise InputError(path, None, f"{_NUMBERS!r} that is {show(index)}", "the number of each sentence")
    numbers: dict[tuple[str, ...], str] = {}
    for sentence, number in index.items():
        tokens = tuple(sentence.split())
        if tokens in numbers:
            raise InputError(path, None, f"{show(sentence)} twice, with other spaces", "each sentence once")
        numbers[tokens] = number
    return numbers


def _first_shape(path: Path, file: Any) -> tuple[int, int, int]:
    """Returns the shape of any sentence's dataset.

    Raises:
      InputError: the file has no sentence, or its first dataset is not [layers, tokens, width].
    """
    shape = file.visititems(lambda name, item: item.shape if _is_dataset(item) and name != _NUMBERS else None)
    if shape is None or len(shape) != 3:
        found = "no sentence" if shape is None else f"a dataset of shape {shape}"
        raise InputError(path, None, found, f"datasets [layers, tokens, width] in {_EXPECTED}")
    return shape
