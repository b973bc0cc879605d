"""Sentences that stay on disk: sequences whose items are read each time they are asked for.

A function that takes a sequence of sentences need not know whether it is a list. Few ask: `joined` and
`subset` keep lists as lists, `summary_of` and the digest scan no sentence twice, and training encodes stored
sentences when their batch is due (`cman_jax.encoders.encoder.examples_of`).
"""

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from jaxtyping import Int

from cman_jax.data.summary import Summaries, Summary, summarise
from cman_jax.types import Sentence


class Stored(Sequence[Sentence]):
    """Sentences that stay on disk. Subclasses define `__len__` and `read`; any thread may read."""

    @abstractmethod
    def read(self, index: int) -> Sentence:
        """Returns a sentence.

        Args:
          index: its position, from 0 to below the number of sentences.

        Raises:
          InputError: the sentence cannot be read any more.
        """

    def __getitem__(self, index: Any) -> Any:
        """Returns a sentence, or the list of the sentences of a slice."""
        positions = range(len(self))[index]
        return self.read(positions) if isinstance(positions, int) else [self.read(i) for i in positions]

    def __iter__(self) -> Iterator[Sentence]:
        return map(self.read, range(len(self)))

    @cached_property
    def summary(self) -> Summary:
        """The summary of all sentences, which are read once for it."""
        return summarise(self)

    @cached_property
    def id_hashes(self) -> Int[np.ndarray, " s"]:
        """The hash of each sentence's id, which this process computes."""
        return np.fromiter((hash(sentence.id) for sentence in self), np.int64)


class _Joined(Stored):
    """The sentences of several sequences, one sequence after the other."""

    def __init__(self, parts: Sequence[Sequence[Sentence]]):
        self._parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1]

    def read(self, index: int) -> Sentence:
        """Returns a sentence; see `Stored`."""
        part = bisect_right(self._ends, index)
        return self._parts[part][index - (self._ends[part - 1] if part else 0)]

    @cached_property
    def id_hashes(self) -> Int[np.ndarray, " s"]:
        """The hash of each sentence's id; parts that know theirs are not read again."""
        return np.concatenate([_id_hashes(part) for part in self._parts])


class _Subset(Stored):
    """Some of the sentences of a sequence."""

    def __init__(self, sentences: Stored, indices: Int[np.ndarray, " s"]):
        self._sentences, self._indices = sentences, indices

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, index: int) -> Sentence:
        """Returns a sentence; see `Stored`."""
        return self._sentences.read(int(self._indices[index]))


def joined(parts: Iterable[Sequence[Sentence]]) -> Sequence[Sentence]:
    """Returns the sentences of all parts as one sequence; a list if no part stays on disk."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, Stored) for part in parts):
        return _Joined(parts)
    return [sentence for part in parts for sentence in part]


def subset(sentences: Sequence[Sentence], indices: Sequence[int]) -> Sequence[Sentence]:
    """Returns the sentences at some positions; a list if the sentences do not stay on disk."""
    if isinstance(sentences, Stored):
        return _Subset(sentences, np.array(indices, np.int64))
    return [sentences[index] for index in indices]


def summary_of(sentences: Sequence[Sentence]) -> Summary:
    """Returns the summary of a split; stored sentences are read for the first call only."""
    return sentences.summary if isinstance(sentences, Stored) else summarise(sentences)


def summaries_of(splits: Mapping[str, Sequence[Sentence]]) -> Summaries:
    """Returns the summary of each split."""
    return {name: summary_of(sentences) for name, sentences in splits.items()}


def repeated_id(sentences: Sequence[Sentence]) -> tuple[int, int] | None:
    """Returns the positions of a sentence and of the next one with its id; None: all ids are different.

    It is the repeat that comes first. Only hashes of the ids are in memory.
    """
    return first_repeat(_id_hashes(sentences), lambda place: sentences[place].id)


def first_repeat(hashes: Int[np.ndarray, " s"], id_of: Callable[[int], str]) -> tuple[int, int] | None:
    """Returns the positions of an id and of its first repeat; None: all ids are different.

    Args:
      hashes: the hash of each id.
      id_of: returns the id at a position.
    """
    _, kinds, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    places: dict[str, int] = {}
    for place in map(int, np.flatnonzero(counts[kinds] > 1)):
        name = id_of(place)
        if name in places:
            return places[name], place
        places[name] = place
    return None


def _id_hashes(sentences: Sequence[Sentence]) -> Int[np.ndarray, " s"]:
    if isinstance(sentences, Stored):
        return sentences.id_hashes
    return np.fromiter((hash(sentence.id) for sentence in sentences), np.int64)
