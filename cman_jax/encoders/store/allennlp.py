"""Features of ELMo as AllenNLP 0.x writes them: `allennlp elmo SENTENCES OUT --all`.

SENTENCES is text, a sentence a line, its tokens separated by spaces. OUT is HDF5 with one float32 dataset
[l n d] for each. A dataset's name is the number of the line, and `sentence_to_index` holds JSON that gives
the number of each sentence; of equal lines, the last one's. With --use-sentence-keys the name is the sentence
itself. HDF5 takes a slash in a name for a path: what stands before it is a group, and "a // b" and "a / b"
are one name, which AllenNLP refuses to write twice.

AllenNLP carries the state of its LSTMs from batch to batch: these features depend on the order of the lines.

Source: allennlp/commands/elmo.py of AllenNLP 0.8 and 0.9.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float16

from cman_jax.encoders.store.source import FeatureSource, quote, to_float16
from cman_jax.errors import InputError
from cman_jax.files import open_hdf5, reading, show, unique_keys
from cman_jax.types import EncoderSpec, is_token

_NUMBERS = "sentence_to_index"
_EXPECTED = "HDF5 as `allennlp elmo --all` writes it"
_VERSION = 1


class AllenNLPFeatures(FeatureSource):
    """Reads such a file, a sentence at a time. Its spec's digest is the whole file's: it names no weights.

    Raises:
      InputError: the file is missing, damaged or not as above, or the extra `elmo` is not installed.
    """

    command = "allennlp elmo --all"

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._file = open_hdf5(self.path, _EXPECTED)
        with reading(self.path, _EXPECTED):
            self._numbers = _read_numbers(self.path, self._file)
            num_layers, _, width = _first_shape(self.path, self._file)
            with open(self.path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.spec = EncoderSpec("allennlp elmo", num_layers, width, digest, _VERSION)

    def __contains__(self, tokens: Sequence[str]) -> bool:
        """InputError when what is there has another number of tokens."""
        return not tokens or self._dataset(tokens) is not None

    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """Read from the file; InputError when it does not have the sentence, or float16 not the values."""
        if not tokens:
            return np.empty((self.spec.num_layers, 0, self.spec.width), np.float16)
        dataset = self._dataset(tokens)
        if dataset is None:
            raise self._incomplete(f"no features of {quote(tokens)}")
        with reading(self.path, _EXPECTED):
            return to_float16(dataset[()], tokens, self.path)

    def _dataset(self, tokens: Sequence[str]) -> Any | None:
        if not all(map(is_token, tokens)):  # no line of text holds such a sentence
            return None
        name = " ".join(tokens) if self._numbers is None else self._numbers.get(tuple(tokens))
        with reading(self.path, _EXPECTED):
            found = self._file.get(name) if name else None
        if not _is_dataset(found):
            return None
        expected = (self.spec.num_layers, len(tokens), self.spec.width)
        if found.shape != expected or found.dtype != np.float32:
            wrong = f"{found.dtype} {found.shape} for {quote(tokens)}"
            raise InputError(self.path, None, wrong, f"float32 {expected}: layers, tokens, width")
        return found


def _is_dataset(found: Any) -> bool:
    """A group, which is the beginning of a name with a slash, has no shape."""
    return hasattr(found, "shape")


def _read_numbers(path: Path, file: Any) -> dict[tuple[str, ...], str] | None:
    """The name of each sentence's dataset; None when the sentences themselves are the names."""
    if _NUMBERS not in file:
        if all(name.isdecimal() for name in file):
            found = f"sentences by number, without {_NUMBERS!r}"
            raise InputError(path, None, found, "a file written without --forget-sentences")
        return None
    index = json.loads(file[_NUMBERS].asstr()[0], object_pairs_hook=unique_keys)
    if not isinstance(index, dict) or not all(isinstance(number, str) for number in index.values()):
        raise InputError(path, None, f"{_NUMBERS!r} that is {show(index)}", "the number of each sentence")
    numbers: dict[tuple[str, ...], str] = {}
    for sentence, number in index.items():
        tokens = tuple(sentence.split())
        if tokens in numbers:
            raise InputError(path, None, f"{show(sentence)} twice, spaced differently", "each sentence once")
        numbers[tokens] = number
    return numbers


def _first_shape(path: Path, file: Any) -> tuple[int, int, int]:
    """The shape of some sentence's dataset."""
    shape = file.visititems(lambda name, item: item.shape if _is_dataset(item) and name != _NUMBERS else None)
    if shape is None or len(shape) != 3:
        found = "no sentence" if shape is None else f"a dataset of shape {shape}"
        raise InputError(path, None, found, f"datasets [layers, tokens, width] ({_EXPECTED})")
    return shape
