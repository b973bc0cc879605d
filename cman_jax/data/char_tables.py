"""The characters of a batch's distinct words: tables [w c] by length class, in few sizes.

Each class has a fixed capacity for its number of tokens, doubled for the rare batch that overflows it. Words
longer than the longest configured class get one more table, of twice, four times, ... its length, in the
batches that have such words.
"""

import bisect
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from cman_jax.config import DataConfig
from cman_jax.data.vocab import PADDING_CHAR
from cman_jax.types import Sentence

Spelling = tuple[int, ...]
"""The character ids of a word."""

LONGEST_WORD = 512
"""Up to this many characters, every word is encoded whole, whatever the configured classes are."""


class WordClass(NamedTuple):
    """A table of distinct words: how many characters and how many words it has room for."""

    length: int
    capacity: int


def distinct_spellings(sentences: Iterable[Sequence[Spelling]]) -> list[Spelling]:
    """Returns the spellings of all sentences, each once, by rising length."""
    return sorted(dict.fromkeys(itertools.chain.from_iterable(sentences)), key=len)


def word_classes(
    batches: Sequence[Sequence[Spelling]], config: DataConfig, num_tokens: int
) -> list[WordClass]:
    """Returns the configured classes with room for every batch, and one for longer words if there are any."""
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
    """Returns tables of the spellings, by length class, and each one's row in the tables laid end to end.

    A class that is full hands its longest words up; words beyond the longest class are cut to it.
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
    """Returns how many characters of a word are encoded at most; a longer word is cut to its beginning."""
    return length_ranges(config.char_lengths, LONGEST_WORD)[-1][1]


def count_cut(sentences: Iterable[Sentence], config: DataConfig) -> int:
    """Returns how many tokens are longer than `longest_word`: the network reads their beginnings only."""
    limit = longest_word(config)
    return sum(len(token) > limit for sentence in sentences for token in sentence.tokens)


def _capacities(batches: Sequence[Sequence[Spelling]], config: DataConfig, num_tokens: int) -> list[int]:
    """Returns the least of 1, 2, 4, ... times the configured shares that holds the words of every batch."""
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
    """Returns each class's words: the shortest that are left and fit, as many as it has room for."""
    classes, start = [], 0
    for length, capacity in zip(char_lengths, capacities, strict=True):
        last = length == char_lengths[-1]
        fit = len(by_length) if last else bisect.bisect_right(by_length, length, key=len)
        end = min(fit, start + capacity)
        classes.append(by_length[start:end])
        start = end
    return classes


def length_ranges(lengths: Sequence[int], longest: int) -> list[tuple[int, int]]:
    """Returns half-open ranges (low, high] from length 0 on, extended by doubling as far as needed."""
    edges = [-1, *lengths]
    while edges[-1] < longest:
        edges.append(2 * edges[-1])
    return list(itertools.pairwise(edges))


def round_up(value: int, multiple: int) -> int:
    """Returns the least multiple that is at least the value and not 0."""
    return max(multiple, -(-value // multiple) * multiple)
