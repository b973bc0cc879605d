"""Tests that tables contain every word, whole up to the limit, and that tables have few sizes."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.config import Config
from cman_jax.data.batching import collate, collate_alike, encode
from cman_jax.data.char_tables import LONGEST_WORD, _fill, longest_word
from cman_jax.types import Sentence
from tests.builders import SENTENCES, SMALL_DATA, batch_of
from tests.data.said import VOCABS, assert_contains_sentences, spelling_at


def test_tables_grow_when_words_exceed_them() -> None:
    tiny = dataclasses.replace(SMALL_DATA, char_lengths=(2, 4, 12), char_shares=(0.01, 0.01, 0.01))
    alphabet = [chr(ord("a") + i) for i in range(26)]
    words = [a + b * n for n in (0, 1, 2, 5) for a, b in itertools.pairwise(alphabet)]
    sentences = [Sentence(str(i), tuple(words[8 * i : 8 * i + 8])) for i in range(12)]
    roomy = batch_of(sentences[:2], config=tiny, batch_size=12)
    full = batch_of(sentences, config=tiny)
    for batch, members in ((roomy, sentences[:2]), (full, sentences)):
        assert_contains_sentences(batch, members)
    rows = [[len(table) for table in batch.char_ids] for batch in (roomy, full)]
    assert rows[0] == [8, 8, 8]
    assert all(small < large for small, large in zip(*rows, strict=True))


@pytest.mark.parametrize(("num_chars", "length"), [(13, 24), (24, 24), (25, 48), (90, 96), (500, 768)])
def test_words_beyond_the_longest_class_get_one_more_table_and_stay_whole(
    num_chars: int, length: int
) -> None:
    long_words = ("a" * (num_chars - 1) + "n", "a" * (num_chars - 1) + "d", "a" * 13, "London")
    members = [*SENTENCES, Sentence("x", long_words)]
    batch = batch_of(members, batch_size=6)
    assert_contains_sentences(batch, members)
    without = batch_of([*SENTENCES, Sentence("x", ("London",))], batch_size=6)
    assert len(without.char_ids) == len(SMALL_DATA.char_lengths)
    for table, same in zip(batch.char_ids, without.char_ids, strict=False):
        np.testing.assert_array_equal(table, same)  # the tables of shorter words do not change
    assert batch.char_ids[-1].shape == (8, length)


def test_batches_of_one_shape_all_have_the_table_for_long_words() -> None:
    groups = [
        [Sentence("x", ("Ann",))],
        [Sentence("x", ("a" * 30, *("o" * 20 + char for char in VOCABS.chars[:10])))],
        [],
    ]
    examples = [[encode(sentence, VOCABS) for sentence in group] for group in groups]
    batches = collate_alike(examples, 16, SMALL_DATA, 1, VOCABS.sizes)
    assert {tuple(table.shape for table in batch.char_ids) for batch in batches} == {
        ((16, 4), (8, 12), (16, 48))
    }
    for batch, group in zip(batches, groups, strict=True):
        assert_contains_sentences(batch, group)


def test_a_word_is_cut_at_the_limit() -> None:
    config = Config().data
    assert longest_word(config) == 512 == LONGEST_WORD
    sentences = [Sentence("x", ("a" * 512, "a" * 513, "a" * 600, "London", "a" * 513))]
    batch = collate([encode(sentences[0], VOCABS)], 16, config, 1, VOCABS.sizes)
    assert [len(spelling_at(batch, 0, i)) for i in range(5)] == [512, 512, 512, 6, 512]
    assert len(set(batch.char_rows[0, :5].tolist())) == 4  # cut words keep different rows
    assert longest_word(dataclasses.replace(config, char_lengths=(5, 10, 1000))) == 1000


# A word may be in the table of its own class or of a longer class


def fits(by_length: Sequence[Sequence[int]], lengths: Sequence[int], capacities: Sequence[int]) -> bool:
    """Returns whether some assignment of words to classes fits the capacities, by Hall's condition."""
    for k, room in enumerate(itertools.accumulate(reversed(capacities))):
        shorter = lengths[-k - 2] if k + 1 < len(lengths) else -1
        if sum(len(word) > shorter for word in by_length) > room:
            return False
    return True


@given(
    st.lists(st.integers(0, 12), max_size=20),
    st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True).map(sorted),
    st.data(),
)
def test_every_word_gets_a_place_if_any_assignment_exists(
    word_lengths: list[int], lengths: list[int], data: st.DataObject
) -> None:
    capacity = st.integers(0, 10)
    capacities = data.draw(st.lists(capacity, min_size=len(lengths), max_size=len(lengths)))
    words = [(i,) * n for i, n in enumerate(sorted(word_lengths))]
    classes = _fill(words, lengths, capacities)
    placed = list(itertools.chain.from_iterable(classes))
    assert (placed == words) == fits(words, lengths, capacities)
    for members, length, room in zip(classes, lengths, capacities, strict=True):
        assert len(members) <= room
        assert length == lengths[-1] or all(len(word) <= length for word in members)
