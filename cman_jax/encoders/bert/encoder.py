"""Encoders of words with a network of BERT's family.

A word's vector is the mean of its pieces' vectors, or the vector of its first piece. A word without pieces,
such as a single control character, has the vector zero. A sentence that is too long for one input is read in
windows (`encoders.windows`).
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from cman_jax.encoders.bert.checkpoint import BertFiles, read_source
from cman_jax.encoders.bert.network import Bert
from cman_jax.encoders.bert.weights import params_from_checkpoint
from cman_jax.encoders.float32 import apply_float32
from cman_jax.encoders.pieces import Pieces
from cman_jax.encoders.pooling import pool
from cman_jax.encoders.windows import Places, Pooling, plan_pooling, plan_windows
from cman_jax.types import EncoderSpec

_SHORTEST = 16
_BATCH_PIECES = 512
"""Positions of a batch: enough for large matrix products, and few enough to encode one sentence quickly."""


class Input(NamedTuple):
    """One row of a batch: a window of a sentence."""

    sentence: int
    ids: Int[np.ndarray, " p"]  # piece ids, including the special pieces
    places: Places  # of the pieces between the special ones


OnBatch = Callable[[Sequence[Input], Float[Array, "l b n d"]], None]
"""Is called with the rows of a batch and their hidden states, padded."""


class BertEncoder:
    """A pretrained encoder of BERT's family; see `encoders.encoder.Encoder`.

    Args:
      files: the encoder's files.
      pooling: how words' vectors are computed from pieces' vectors.

    Attributes:
      spec: the exact encoder; equal specs mean equal features.
    """

    def __init__(self, files: BertFiles, pooling: Pooling = "mean"):
        config = files.config
        self.spec = encoder_spec(files, pooling)
        self._pieces = files.pieces
        self._pooling: Pooling = pooling
        self._lengths = bucket_lengths(config.longest_input)
        self._params = jax.device_put(params_from_checkpoint(files.weights, config))
        self._model = Bert(config)

    @classmethod
    def load(cls, source: str | Path, pooling: Pooling = "mean") -> "BertEncoder":
        """Loads the encoder from its files.

        Args:
          source: the name of an installed package, or the directory of the files.
          pooling: how words' vectors are computed from pieces' vectors.

        Raises:
          InputError: as in `read_source`.
        """
        return cls(read_source(source), pooling)

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """Returns the vectors of all layers for each sentence's tokens.

        See `encoders.encoder.Encoder.encode`.
        """
        return self._encode(sentences)

    def _encode(
        self, sentences: Sequence[Sequence[str]], on_batch: OnBatch = lambda batch, states: None
    ) -> list[Float[np.ndarray, "l n d"]]:
        """Returns the vectors of all layers; `on_batch` is called with each batch and its hidden states."""
        pieces = [self._pieces.split(sentence) for sentence in sentences]
        num_layers, width = self._model.config.num_layers + 1, self.spec.width
        features = [np.zeros((num_layers, len(sentence), width), np.float32) for sentence in sentences]
        for length, batch in self._batches(pieces):
            states, vectors = self._run(batch, length)
            on_batch(batch, states)
            for index, (sentence, _, places) in enumerate(batch):
                features[sentence][:, places.words] += vectors[:, index, : len(places.words)]
        return features

    def _batches(self, pieces: Sequence[Pieces]) -> Iterator[tuple[int, list[Input]]]:
        """Yields the windows of all sentences in batches, each with the length that its rows are padded to.

        A row's length fixes its padded length, and the padded length fixes the batch's shape. So the same
        compiled program encodes a sentence, whatever sentences are encoded together with it.
        """
        waiting: dict[int, list[Input]] = {length: [] for length in self._lengths}
        for sentence, (ids, words) in enumerate(pieces):
            for window in plan_windows(words, self._lengths[-1] - 2):
                inside = ids[window.start : window.stop]
                row = np.concatenate([[self._pieces.cls], inside, [self._pieces.sep]])
                length = next(length for length in self._lengths if len(row) <= length)
                waiting[length].append(Input(sentence, row, plan_pooling(words, window, self._pooling)))
        for length, rows in waiting.items():
            size = _batch_size(length)
            yield from ((length, rows[i : i + size]) for i in range(0, len(rows), size))

    def _run(
        self, rows: Sequence[Input], length: int
    ) -> tuple[Float[Array, "l b n d"], Float[np.ndarray, "l b n d"]]:
        """Returns the hidden states of rows, and the vectors of each row's words from the first place on.

        Args:
          rows: the rows, which are padded to a whole batch.
          length: the length that the rows are padded to.
        """
        ids = np.zeros((_batch_size(length), length), np.int32)
        mask, sizes = np.zeros(ids.shape, bool), np.ones(ids.shape, np.float32)
        firsts, rests = np.zeros_like(ids), np.full_like(ids, -1)
        for index, (_, row, places) in enumerate(rows):
            ids[index, : len(row)], mask[index, : len(row)] = row, True
            rests[index, 1 : len(row) - 1] = places.rests
            firsts[index, : len(places.words)] = 1 + places.firsts
            sizes[index, : len(places.words)] = places.sizes
        states = apply_float32(self._model, self._params, ids, mask)
        return states, np.asarray(pool(states, firsts, rests, sizes))


def encoder_spec(files: BertFiles, pooling: Pooling) -> EncoderSpec:
    """Returns the identity of an encoder with these files."""
    name = files.name if pooling == "mean" else f"{files.name}:{pooling}"
    return EncoderSpec(name, files.config.num_layers + 1, files.config.width, files.digest, version=1)


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
