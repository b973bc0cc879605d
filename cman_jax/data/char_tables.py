"""Tables of the characters of a batch's distinct words: one table [w c] per length class, in few sizes.

Each class has a fixed capacity, which depends on the number of tokens. A batch that exceeds the capacities
gets tables of twice, four times, ... the capacity. A batch with words longer than the longest configured
class gets one more table, of twice, four times, ... that length.
"""

import bisect
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from cman_jax.config import DataConfig
from cman_jax.data.vocab import PADDING_CHAR

Spelling = tuple[int, ...]
"""The character ids of a word."""

LONGEST_WORD = 512
"""The number of characters up to which every word is encoded whole, for any configured classes."""


class WordClass(NamedTuple):
    """The size of a table of distinct words.

    Attributes:
      length: number of characters per word.
      capacity: number of words.
    """

    length: int
    capacity: int


def distinct_spellings(sentences: Iterable[Sequence[Spelling]]) -> list[Spelling]:
    """Returns the distinct spellings of all sentences, by rising length."""
    return sorted(dict.fromkeys(itertools.chain.from_iterable(sentences)), key=len)


def word_classes(
    batches: Sequence[Sequence[Spelling]], config: DataConfig, num_tokens: int
) -> list[WordClass]:
    """Returns the configured classes with capacities for every batch, and a class for longer words if needed.

    Args:
      batches: the distinct spellings of each batch, by rising length.
      config: contains the lengths and the shares of the classes.
      num_tokens: number of tokens of a padded batch.
    """
    shorter = [words[: bisect.bisect_right(words, config.char_lengths[-1], key=len)] for words in batches]
    capacities = _capacities(shorter, config, num_tokens)
    classes = list(map(WordClass, config.char_lengths, capacities))
    num_longer = max(len(words) - len(rest) for words, rest in zip(batches, shorter, strict=True))
    if num_longer:
        longest = min(max(len(words[-1]) for words in batches if words), longest_word(config))
        classes.append(WordClass(length_ranges(config.char_lengths, longest)[-1][1], round_up(num_longer, 8)))
    return classes


def char_tables(
    distinct: Sequence[Spelling], classes: Sequence[WordClass]
) -> tuple[tuple[Int[np.ndarray, "_ _"], ...], dict[Spelling, int]]:
    """Returns a table per length class, and the row of each spelling, counted through all tables in order.

    If a class is full, its longest words go to the next class. Words longer than the last class are cut.

    Args:
      distinct: the distinct spellings of a batch, by rising length.
      classes: the sizes of the tables.
    """
    lengths, capacities = zip(*classes, strict=True)
    tables = [np.full((c, n), PADDING_CHAR, np.int32) for n, c in classes]
    firsts = np.cumsum([0, *capacities])
    row_of = {}
    for k, words in enumerate(_fill(distinct, lengths, capacities)):
        for i, spelling in enumerate(words):
            tables[k][i, : len(spelling)] = spelling[: lengths[k]]
            row_of[spelling] = int(firsts[k]) + i
    return tuple(tables), row_of


def longest_word(config: DataConfig) -> int:
    """Returns the greatest number of characters of a word that are encoded; longer words lose their ends."""
    return length_ranges(config.char_lengths, LONGEST_WORD)[-1][1]


def _capacities(batches: Sequence[Sequence[Spelling]], config: DataConfig, num_tokens: int) -> list[int]:
    """Returns the smallest of 1, 2, 4, ... times the configured capacities that hold every batch's words."""
    for doubling in itertools.count():
        shares = [min(1.0, share * 2**doubling) for share in config.char_shares]
        capacities = [round_up(int(np.ceil(share * num_tokens)), 8) for share in shares]
        if all(
            sum(map(len, _fill(words, config.char_lengths, capacities))) == len(words) for words in batches
        ):
            return capacities  # at the latest when every class holds all tokens


def _fill(
    by_length: Sequence[Spelling], char_lengths: Sequence[int], capacities: Sequence[int]
) -> list[Sequence[Spelling]]:
    """Returns the words of each class: the shortest remaining words that fit, up to the class's capacity."""
    classes, start = [], 0
    for length, capacity in zip(char_lengths, capacities, strict=True):
        last = length == char_lengths[-1]
        fit = len(by_length) if last else bisect.bisect_right(by_length, length, key=len)
        end = min(fit, start + capacity)
        classes.append(by_length[start:end])
        start = end
    return classes


def length_ranges(lengths: Sequence[int], longest: int) -> list[tuple[int, int]]:
    """Returns half-open ranges (low, high] that cover the lengths from 0 on.

    Args:
      lengths: the upper bounds of the first ranges.
      longest: a length that the ranges must include; the last bound is doubled until they do.
    """
    edges = [-1, *lengths]
    while edges[-1] < longest:
        edges.append(2 * edges[-1])
    return list(itertools.pairwise(edges))


def round_up(value: int, multiple: int) -> int:
    """Returns the smallest positive multiple of `multiple` that is at least `value`."""
    return max(multiple, -(-value // multiple) * multiple)
