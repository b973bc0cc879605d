"""Batches as PyTorch tensors, without empty sentences and without padding beyond the longest sentence."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cman_jax.data.vocab import PADDING_CHAR
from cman_jax.types import Batch


class Lengths(NamedTuple):
    """The lengths of sequences, sorted in advance, so that packing copies nothing inside a CUDA graph.

    Attributes:
      sorted: the lengths in descending order, on the CPU as `pack_padded_sequence` requires.
      order: the index of the sequence to which each sorted length belongs.
      inverse: the position of each sequence's length in `sorted`.
    """

    sorted: Int[Tensor, " b"]
    order: Int[Tensor, " b"]
    inverse: Int[Tensor, " b"]

    @classmethod
    def of(cls, lengths: np.ndarray | Tensor, device: torch.device | str = "cpu") -> "Lengths":
        """Sorts the lengths of sequences.

        Args:
          lengths: the length of each sequence, in any order.
          device: the device for `order` and `inverse`.
        """
        shuffled, order = torch.sort(torch.as_tensor(lengths), descending=True, stable=True)
        return cls(shuffled, order.to(device), order.argsort().to(device))


class TorchBatch(NamedTuple):
    """The sentences of a batch.

    Attributes:
      word_ids: the word id of each token.
      mask: True for real tokens.
      lengths: the numbers of tokens of the sentences.
      tags: the gold tag id of each token.
      char_ids: the character ids of each encoded word, one row per word.
      char_lengths: the numbers of characters of the encoded words.
      char_rows: the row in `char_ids` of each token's word; 0 at padding.
      relation_cells: the gold cells (sentence, subject token, object token, relation type).
      features: the contextual features of each layer; without features, l = 0.
    """

    word_ids: Int[Tensor, "b n"]
    mask: Bool[Tensor, "b n"]
    lengths: Lengths
    tags: Int[Tensor, "b n"]
    char_ids: Int[Tensor, "w c"]
    char_lengths: Lengths
    char_rows: Int[Tensor, "b n"]
    relation_cells: Int[Tensor, "p 4"]
    features: Float[Tensor, "b l n _"]


def to_torch(batch: Batch, device: torch.device | str = "cpu", *, distinct_words: bool = False) -> TorchBatch:
    """Converts the sentences of a batch that have tokens to PyTorch tensors.

    Args:
      batch: a batch from `collate`.
      device: the device for the tensors.
      distinct_words: whether `char_ids` has one row per distinct word, as in JAX, or one row per token.
    """
    lengths = np.asarray(batch.mask).sum(1)
    real, n = lengths > 0, int(lengths.max())
    mask, rows = (np.asarray(x)[real, :n] for x in (batch.mask, batch.char_rows))
    words = _one_table(batch.char_ids)
    if distinct_words:
        used, compact = np.unique(rows[mask], return_inverse=True)
    else:
        used, compact = rows[mask], np.arange(mask.sum())
    rows = np.zeros_like(rows)
    rows[mask] = compact
    char_lengths = (words[used] != PADDING_CHAR).sum(1)
    cells = np.asarray(batch.relation_cells)[real]
    sentence, slot = np.nonzero(cells[:, :, 0] < batch.mask.shape[1])
    arrays = dict(
        word_ids=np.asarray(batch.word_ids)[real, :n],
        mask=mask,
        lengths=lengths[real],
        tags=np.asarray(batch.tags)[real, :n],
        char_ids=words[used][:, : char_lengths.max()],
        char_lengths=char_lengths,
        char_rows=rows,
        relation_cells=np.concatenate([sentence[:, None], cells[sentence, slot]], 1),
        features=np.asarray(batch.features)[real, :, :n],
    )
    moved = {}
    for name, array in arrays.items():
        if name.endswith("lengths"):
            moved[name] = Lengths.of(array, device)
        else:
            tensor = torch.from_numpy(array if array.dtype in (bool, np.float16) else array.astype(np.int64))
            moved[name] = tensor.to(device)
    return TorchBatch(**moved)


def _one_table(tables: tuple[Int[np.ndarray, "_ _"], ...]) -> Int[np.ndarray, "w c"]:
    """Concatenates tables of several widths, padded to the largest width."""
    widest = max(table.shape[1] for table in tables)
    padded = [np.pad(t, ((0, 0), (0, widest - t.shape[1])), constant_values=PADDING_CHAR) for t in tables]
    return np.concatenate(padded)
