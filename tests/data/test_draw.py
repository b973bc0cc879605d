"""Tests that splits are drawn by document, by seed, and in the asked shares."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cman_jax.data.draw import draw_documents, parse_shares
from cman_jax.errors import InputError

SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}


def test_the_same_seed_draws_the_same_documents_and_another_seed_others() -> None:
    documents = [str(k) for k in range(200)]
    assert draw_documents(documents, SHARES, 0) == draw_documents(documents, SHARES, 0)
    assert draw_documents(documents, SHARES, 0) != draw_documents(documents, SHARES, 1)


@pytest.mark.parametrize(("count", "expected"), [(200, (160, 20, 20)), (10, (8, 1, 1)), (4, (2, 1, 1))])
def test_shares_count_documents_and_no_split_stays_empty(count: int, expected: tuple[int, ...]) -> None:
    split_of = draw_documents([str(k) for k in range(count)], SHARES, 0)
    assert tuple(list(split_of.values()).count(name) for name in SHARES) == expected


@given(st.lists(st.sampled_from("abcdefg"), min_size=1), st.integers(0, 9))
def test_every_document_has_exactly_one_split_and_train_is_never_empty(
    documents: list[str], seed: int
) -> None:
    split_of = draw_documents(documents, SHARES, seed)
    assert split_of.keys() == set(documents)
    assert "train" in split_of.values()


@pytest.mark.parametrize("shares", ["0.8,0.2", "0.8,0.1,0.2", "a,b,c", "nan,0.5,0.5", "0,0.5,0.5", "1,0,0"])
def test_shares_that_cannot_be_are_refused(shares: str) -> None:
    with pytest.raises(InputError, match=f"split: found {shares}, expected"):
        parse_shares(shares)
