"""Tests of windows over long sentences: each piece is kept once, from the window with most context."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.encoders.windows import Window, plan_pooling, plan_windows
from tests.builders import numeric


def words_of(lengths: list[int]) -> np.ndarray:
    """Returns the index of the word of each piece, for words of these lengths."""
    return np.repeat(np.arange(len(lengths)), lengths)


def test_a_sentence_that_fits_is_one_window() -> None:
    assert plan_windows(words_of([1, 2, 1]), 4) == [Window(0, 4, 0, 4)]
    assert plan_windows(words_of([0, 0]), 4) == []


def test_windows_of_single_pieces() -> None:
    assert plan_windows(words_of([1] * 11), 4) == [
        Window(0, 4, 0, 3),
        Window(2, 6, 3, 5),
        Window(4, 8, 5, 7),
        Window(6, 10, 7, 9),
        Window(8, 11, 9, 11),
    ]


def test_cuts_fall_between_words() -> None:
    assert plan_windows(words_of([1, 2, 2, 2, 1]), 5) == [
        Window(0, 3, 0, 3),
        Window(3, 5, 3, 5),
        Window(5, 8, 5, 8),
    ]


@numeric
@given(st.lists(st.integers(0, 30), max_size=40), st.integers(2, 24))
def test_every_piece_is_kept_once_by_a_window_that_reads_it(lengths: list[int], capacity: int) -> None:
    words = words_of(lengths)
    windows = plan_windows(words, capacity)
    kept = [piece for window in windows for piece in range(window.first, window.last)]
    assert kept == list(range(len(words)))
    for start, stop, first, last in windows:
        assert start <= first < last <= stop <= start + capacity


@numeric
@given(st.lists(st.integers(0, 6), min_size=20, max_size=40), st.integers(12, 24))
def test_no_word_is_cut_and_each_has_the_window_with_most_context(lengths: list[int], capacity: int) -> None:
    words = words_of(lengths)
    windows = plan_windows(words, capacity)
    if len(windows) < 2:
        return
    half = capacity // 2
    for start, stop, first, last in windows:
        for edge in (start, stop, first, last):
            assert edge in (0, len(words)) or words[edge - 1] != words[edge]
    for word in np.unique(words):
        begin, end = np.searchsorted(words, [word, word + 1])
        context = [min(begin - k * half, (k + 2) * half - end) for k in range(len(windows))]
        owner = next(k for k, window in enumerate(windows) if window.first <= begin < window.last)
        assert context[owner] == max(context)


@pytest.mark.parametrize("length", [5, 9, 40])
def test_a_word_longer_than_a_window_is_cut(length: int) -> None:
    windows = plan_windows(words_of([length]), 4)
    assert windows[0].start == 0
    assert windows[-1].stop == length
    assert all(window.stop - window.start <= 4 for window in windows)


def test_the_pieces_of_a_window_belong_to_words() -> None:
    words = np.array([0, 0, 2, 3, 3, 3])
    places = plan_pooling(words, Window(1, 6, 2, 6), "mean")
    assert [part.tolist() for part in places] == [[2, 3], [1, 2], [-1, -1, -1, 1, 1], [1, 3]]
    # A window that keeps a later part of a word adds to the word's mean, and nothing to its first piece.
    places = plan_pooling(words, Window(3, 6, 4, 6), "mean")
    assert [part.tolist() for part in places] == [[3], [1], [-1, -1, 0], [3]]
    places = plan_pooling(words, Window(3, 6, 4, 6), "first")
    assert [part.tolist() for part in places] == [[], [], [-1, -1, -1], []]
    places = plan_pooling(words, Window(0, 6, 0, 6), "first")
    assert [part.tolist() for part in places] == [[0, 2, 3], [0, 2, 3], [-1] * 6, [1, 1, 1]]
