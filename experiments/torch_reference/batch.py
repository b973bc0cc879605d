"""A batch as PyTorch likes it: no sentences without tokens, no tokens beyond the longest sentence."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from cman_jax.data.vocab import PADDING_CHAR
from cman_jax.types import Batch


class Lengths(NamedTuple):
    """Of sequences to be packed, sorted beforehand, so that a CUDA graph need not copy anything."""

    sorted: Int[Tensor, " b"]  # the longest first; on the CPU, where `pack_padded_sequence` wants them
    order: Int[Tensor, " b"]  # the sequences that they are of
    inverse: Int[Tensor, " b"]  # where each sequence stands among the sorted

    @classmethod
    def of(cls, lengths: np.ndarray | Tensor, device: torch.device | str = "cpu") -> "Lengths":
        """Of sequences in any order."""
        shuffled, order = torch.sort(torch.as_tensor(lengths), descending=True, stable=True)
        return cls(shuffled, order.to(device), order.argsort().to(device))


class TorchBatch(NamedTuple):
    """Sentences of a batch."""

    word_ids: Int[Tensor, "b n"]
    mask: Bool[Tensor, "b n"]
    lengths: Lengths
    tags: Int[Tensor, "b n"]
    char_ids: Int[Tensor, "w c"]  # one row per word that is encoded
    char_lengths: Lengths
    char_rows: Int[Tensor, "b n"]  # row of each token's word
    relation_cells: Int[Tensor, "p 4"]  # gold (sentence, subject token, object token, relation type)
    features: Float[Tensor, "b l n _"]  # contextual; none: l = 0


def to_torch(batch: Batch, device: torch.device | str = "cpu", *, distinct_words: bool = False) -> TorchBatch:
    """The real sentences of a batch.

    Args:
      batch: as `collate` made it.
      device: where its tensors go.
      distinct_words: encode the characters once per distinct word, as the JAX network does, and not of every
        token, as one would write it in PyTorch.
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
    """Tables of several widths, laid end to end at the largest."""
    widest = max(table.shape[1] for table in tables)
    padded = [np.pad(t, ((0, 0), (0, widest - t.shape[1])), constant_values=PADDING_CHAR) for t in tables]
    return np.concatenate(padded)
