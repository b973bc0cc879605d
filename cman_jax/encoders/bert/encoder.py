"""MiniLM as an encoder of words: all-MiniLM-L6-v2, a BERT with 6 layers of width 384.

A word's vector is the mean of its pieces' vectors. A word without pieces, such as a single control character,
has the vector zero. A sentence that is too long for one input is read in windows (`encoders.windows`).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from cman_jax.encoders.bert.checkpoint import WEIGHTS_SHA256, BertFiles, find_minilm, read_bert
from cman_jax.encoders.bert.network import MiniLM
from cman_jax.encoders.bert.weights import params_from_checkpoint
from cman_jax.encoders.float32 import apply_float32
from cman_jax.encoders.pieces import Pieces
from cman_jax.encoders.pooling import add_means
from cman_jax.encoders.windows import Window, plan_windows
from cman_jax.types import EncoderSpec

_SHORTEST = 16
_BATCH_PIECES = 512
"""Positions of a batch: enough for large matrix products, and few enough to encode one sentence quickly."""


class _Input(NamedTuple):
    """One row of a batch: a window of a sentence."""

    sentence: int
    window: Window
    ids: Int[np.ndarray, " p"]  # piece ids, including [CLS] and [SEP]


class BertEncoder:
    """A pretrained BERT encoder; see `encoders.encoder.Encoder`.

    Attributes:
      spec: the exact encoder; equal specs mean equal features.
    """

    def __init__(self, files: BertFiles):
        config = files.config
        self.spec = EncoderSpec(files.name, config.num_layers + 1, config.width, files.digest, version=1)
        self._pieces = files.pieces
        self._lengths = bucket_lengths(config.num_positions)
        self._params = jax.device_put(params_from_checkpoint(files.weights, config.num_layers))
        self._model = MiniLM(**config._asdict())

    @classmethod
    def load(cls, directory: str | Path | None = None) -> "BertEncoder":
        """Loads the encoder from its files.

        Args:
          directory: the directory of the files, as in `read_bert`; None: MiniLM's installed package.

        Raises:
          InputError: as in `read_bert` and `find_minilm`.
        """
        if directory is None:
            return cls(read_bert(find_minilm(), WEIGHTS_SHA256))
        return cls(read_bert(directory))

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """Returns the vectors of all layers for each sentence's tokens.

        See `encoders.encoder.Encoder.encode`.
        """
        pieces = [self._pieces.split(sentence) for sentence in sentences]
        shape = (self.spec.num_layers, self.spec.width)
        features = [np.zeros((shape[0], len(sentence), shape[1]), np.float32) for sentence in sentences]
        for length, batch in self._batches(pieces):
            states = self._states([row.ids for row in batch], length)
            for index, (sentence, window, _) in enumerate(batch):
                add_means(features[sentence], states[:, index], pieces[sentence].words, window)
        return features

    def _batches(self, pieces: Sequence[Pieces]) -> Iterator[tuple[int, list[_Input]]]:
        """Yields the windows of all sentences in batches, each with the length that its rows are padded to.

        A row's length fixes its padded length, and the padded length fixes the batch's shape. So the same
        compiled program encodes a sentence, whatever sentences are encoded together with it.
        """
        waiting: dict[int, list[_Input]] = {length: [] for length in self._lengths}
        for sentence, (ids, words) in enumerate(pieces):
            for window in plan_windows(words, self._lengths[-1] - 2):
                inside = ids[window.start : window.stop]
                row = np.concatenate([[self._pieces.cls], inside, [self._pieces.sep]])
                length = next(length for length in self._lengths if len(row) <= length)
                waiting[length].append(_Input(sentence, window, row))
        for length, rows in waiting.items():
            size = _batch_size(length)
            yield from ((length, rows[i : i + size]) for i in range(0, len(rows), size))

    def _states(self, rows: Sequence[Int[np.ndarray, " _"]], length: int) -> Float[np.ndarray, "l b n d"]:
        """Returns the hidden states of rows of piece ids, padded to a whole batch.

        Args:
          rows: the piece ids of each row, including [CLS] and [SEP].
          length: the length that the rows are padded to.
        """
        ids = np.zeros((_batch_size(length), length), np.int32)
        mask = np.zeros(ids.shape, bool)
        for index, row in enumerate(rows):
            ids[index, : len(row)], mask[index, : len(row)] = row, True
        return np.asarray(apply_float32(self._model, self._params, ids, mask))


def bucket_lengths(longest: int) -> tuple[int, ...]:
    """Returns the lengths that inputs are padded to: 16, 32, 64, ... and finally `longest`.

    The lengths are few, so few programs are compiled, and padding wastes few positions.

    Args:
      longest: the length of the encoder's longest input.
    """
    lengths = []
    while (length := _SHORTEST << len(lengths)) < longest:
        lengths.append(length)
    return (*lengths, longest)


def _batch_size(length: int) -> int:
    """Returns the number of rows in a batch of this padded length."""
    return max(1, _BATCH_PIECES // length)
