"""Sentences longer than an encoder's input: overlapping windows, and which of them speaks for which word.

With s, half a window, window k reads those words that lie wholly within the pieces `[k s, (k + 2) s)`. It
speaks for the words whose middle lies in the middle half of that range: of all ranges that a word lies in,
the one whose nearer end is farthest from it. The first window speaks for all words before its middle half as
well, the last for all after it. A word of more than s pieces counts as several of at most s.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Window(NamedTuple):
    """Reads the pieces `start` to `stop` and speaks for those of `first` to `last` (ends exclusive)."""

    start: int
    stop: int
    first: int
    last: int


def plan_windows(words: Int[np.ndarray, " p"], capacity: int) -> list[Window]:
    """Windows that together speak for every piece once.

    Args:
      words: index of the word that each piece is of, rising.
      capacity: pieces that a window may read, at least 2.
    """
    count = len(words)
    if count <= capacity:
        return [Window(0, count, 0, count)] if count else []
    half = capacity // 2
    _, starts, lengths = np.unique(words, return_index=True, return_counts=True)
    inside = np.arange(count) - np.repeat(starts, lengths)  # where in its word each piece stands
    edges = np.append(np.flatnonzero(inside % half == 0), count)
    middles = (edges[:-1] + edges[1:]) / 2

    k = np.arange(-(-count // half) - 1)
    start = edges[np.searchsorted(edges, k * half)]
    stop = edges[np.searchsorted(edges, (k + 2) * half, side="right") - 1]
    between = edges[np.searchsorted(middles, k[1:] * half + half / 2)]
    first, last = np.append(0, between), np.append(between, count)
    return [Window(*map(int, row)) for row in zip(start, stop, first, last, strict=True)]
