"""Overlapping windows over sentences that are longer than an encoder's input, and which words they add to.

Let s be half the capacity of a window. Window k reads the words that lie wholly within the pieces `[k s, (k +
2) s)`. Its vectors are kept for the words whose middle lies in the middle half of that range. Several ranges
can contain a word; the kept one is the range whose nearer end is farthest from the word. The first window
also keeps all words before its middle half, and the last window all words after its middle half. A word of
more than s pieces counts as several words of at most s pieces.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Float, Int

Pooling = Literal["mean", "first"]
"""How a word's vector is computed: the mean of its pieces' vectors, or the vector of its first piece."""

POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


class Window(NamedTuple):
    """A window, in indices of a sentence's pieces; `stop` and `last` are exclusive.

    Attributes:
      start, stop: the pieces that the window reads.
      first, last: the pieces whose vectors are kept.
    """

    start: int
    stop: int
    first: int
    last: int


class Places(NamedTuple):
    """Where the pieces of a window belong; the arguments of `encoders.pooling.pool`.

    Attributes:
      words: the words that the window adds to, as indices of the sentence's words, rising.
      firsts: the position of each word's first piece in the window.
      rests: for each piece of the window, the index in `words` if the piece is added to a first piece; else
        -1.
      sizes: the number of pieces that each word's vector is the mean of.
    """

    words: Int[np.ndarray, " w"]
    firsts: Int[np.ndarray, " w"]
    rests: Int[np.ndarray, " p"]
    sizes: Float[np.ndarray, " w"]


def plan_windows(words: Int[np.ndarray, " p"], capacity: int) -> list[Window]:
    """Returns windows that together keep every piece exactly once.

    Args:
      words: index of the word that each piece belongs to, rising.
      capacity: number of pieces that a window may read, at least 2.
    """
    count = len(words)
    if count <= capacity:
        return [Window(0, count, 0, count)] if count else []
    half = capacity // 2
    _, starts, lengths = np.unique(words, return_index=True, return_counts=True)
    inside = np.arange(count) - np.repeat(starts, lengths)  # position of each piece in its word
    edges = np.append(np.flatnonzero(inside % half == 0), count)
    middles = (edges[:-1] + edges[1:]) / 2

    k = np.arange(-(-count // half) - 1)
    start = edges[np.searchsorted(edges, k * half)]
    stop = edges[np.searchsorted(edges, (k + 2) * half, side="right") - 1]
    between = edges[np.searchsorted(middles, k[1:] * half + half / 2)]
    first, last = np.append(0, between), np.append(between, count)
    return [Window(*map(int, row)) for row in zip(start, stop, first, last, strict=True)]


def plan_pooling(words: Int[np.ndarray, " q"], window: Window, pooling: Pooling) -> Places:
    """Returns where the pieces of a window belong.

    Args:
      words: index of the word that each piece of the sentence belongs to, rising.
      window: the window.
      pooling: how words' vectors are computed.
    """
    kept = np.arange(window.first, window.last)
    if pooling == "first":
        kept = kept[np.append(True, words[1:] != words[:-1])[kept]]
    here, firsts, owners = np.unique(words[kept], return_index=True, return_inverse=True)
    rests = np.full(window.stop - window.start, -1, np.int32)
    rests[kept - window.start] = owners
    firsts = kept[firsts] - window.start
    rests[firsts] = -1
    sizes = np.ones(len(here)) if pooling == "first" else np.bincount(words)[here]
    return Places(here, firsts.astype(np.int32), rests, sizes.astype(np.float32))
