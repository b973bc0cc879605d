"""Word pieces as padded arrays, for an encoder whose upper layers are trained.

The windows of a sentence stand in every b-th row: row i of b sentences belongs to sentence i mod b.
"""

import math
from collections.abc import Sequence

import numpy as np

from cman_jax.config import DataConfig
from cman_jax.types import PieceBatch, PieceRow, Sizes

Rows = Sequence[Sequence[PieceRow]]
"""The inputs of the encoder for each sentence of a batch."""


def pad_pieces(
    groups: Sequence[Rows],
    shape: tuple[int, int],
    config: DataConfig,
    sizes: Sizes,
    own: Sequence[int] | None = None,
) -> list[PieceBatch]:
    """Pads the pieces of each group of sentences. All results have one shape.

    There are as many rows as sentences, times the most windows of a sentence. Rows of sentences with fewer
    windows, or without a piece, are empty. The length of the rows follows from that of the sentences, so that
    no further programs are compiled.

    Args:
      groups: the inputs of each sentence of each batch.
      shape: (b, n), the numbers of sentences and of padded tokens.
      config: contains how many pieces a token has room for.
      sizes: contains the width of the states, and the longest input.
      own: positions of the groups whose pieces are returned; None: of all.
    """
    own = range(len(groups)) if own is None else own
    num_sentences, length = shape
    num_rows = num_sentences * max([1, *(len(windows) for rows in groups for windows in rows)])
    num_pieces = min(math.ceil(config.piece_ratio * length), sizes.longest_input)
    padded = (num_rows, num_pieces, sizes.feature_width)
    return [_pad(groups[k], length, padded, num_sentences) for k in own]


def _pad(rows: Rows, length: int, shape: tuple[int, int, int], num_sentences: int) -> PieceBatch:
    """Returns the padded pieces of one batch.

    Args:
      rows: the inputs of each sentence.
      length: n, the number of padded tokens.
      shape: (r, p, d).
      num_sentences: b, after padding.
    """
    states, mask = np.zeros(shape, np.float16), np.zeros(shape[:2], bool)
    words = np.full(shape[:2], num_sentences * length, np.int32)
    placed = (
        (number * num_sentences + sentence, sentence, row)
        for sentence, windows in enumerate(rows)
        for number, row in enumerate(windows)
    )
    for index, sentence, row in placed:
        count = len(row.words)
        states[index, :count], mask[index, :count] = row.states, True
        words[index, :count] = np.where(row.words < 0, num_sentences * length, sentence * length + row.words)
    sizes = np.bincount(words.reshape(-1), minlength=num_sentences * length + 1)
    return PieceBatch(states, mask, words, (1 / np.maximum(sizes, 1)[words]).astype(np.float32))
