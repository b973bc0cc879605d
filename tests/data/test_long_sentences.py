"""Tests that long sentences are predicted one at a time in few shapes, and refused in training by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.data.batching import plan_batches
from cman_jax.data.long_sentences import MOST_BUCKETS, padded_length, plan_prediction, refuse_long
from cman_jax.errors import InputError
from cman_jax.types import Sentence
from tests.builders import SMALL_DATA

LAST = SMALL_DATA.bucket_lengths[-1]


@given(st.lists(st.integers(0, 4 * LAST), max_size=40), st.integers(1, 7))
def test_plans_are_a_partition_with_one_batch_per_long_sentence(lengths: list[int], batch_size: int) -> None:
    plans = plan_prediction(lengths, SMALL_DATA, batch_size)
    assert sorted(i for plan in plans for i in plan.indices) == list(range(len(lengths)))
    assert [plan.length for plan in plans] == sorted(plan.length for plan in plans)
    for plan in plans:
        assert all(lengths[i] <= plan.length for i in plan.indices)
        assert len(plan.indices) == 1 or plan.length <= LAST
    alone = [i for plan in plans if plan.length > LAST for i in plan.indices]
    assert sorted(alone) == [i for i, length in enumerate(lengths) if length > LAST]


@given(st.lists(st.integers(0, LAST), max_size=40), st.integers(1, 7))
def test_sentences_within_the_buckets_have_the_plans_of_training(lengths: list[int], batch_size: int) -> None:
    assert plan_prediction(lengths, SMALL_DATA, batch_size) == plan_batches(lengths, SMALL_DATA, batch_size)


@pytest.mark.parametrize("last", [1, 16, 45])
def test_padding_is_at_most_a_half_and_shapes_are_few(last: int) -> None:
    lengths = np.arange(last + 1, 200 * last)
    padded = np.array([padded_length(int(length), last) for length in lengths])
    assert (padded >= lengths).all()
    assert (padded <= 1.5 * lengths + 1).all()
    assert len(set(padded.tolist())) <= 2 * 8


def test_training_names_a_sentence_far_beyond_the_buckets() -> None:
    most = MOST_BUCKETS * LAST
    fits, longer = (Sentence(name, ("a",) * n) for name, n in (("fits", most), ("d7", most + 1)))
    refuse_long([fits], np.array([most]), SMALL_DATA)
    with pytest.raises(InputError) as error:
        refuse_long([fits, longer], np.array([most, most + 1]), SMALL_DATA)
    assert str(error.value) == (
        "sentence 'd7' of the training data: found 129 tokens, expected at most 128, 8 times the last of "
        "config.data.bucket_lengths: split the sentence, or add a longer bucket"
    )
