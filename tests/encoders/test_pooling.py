"""Tests of pooling on the device against loops over the words of each row."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.encoders.pooling import (
    pool,
    rests_by_adding,
    rests_by_product,
    words_by_adding,
    words_by_product,
)
from cman_jax.encoders.windows import POOLINGS, Pooling, Window, plan_pooling
from tests.builders import normal

WORDS = np.array([0, 0, 1, 3, 3, 3, 3, 7])
WINDOWS = [Window(0, 8, 0, 8), Window(0, 8, 2, 5), Window(3, 8, 5, 8)]
LENGTH = 11
STATES = normal(0, 2, len(WINDOWS), LENGTH, 5)


def arguments(pooling: Pooling) -> tuple[np.ndarray, ...]:
    """Returns the arguments of `pool` for one row per window; position 0 of each row is a special piece."""
    firsts, rests = np.zeros((len(WINDOWS), LENGTH), np.int32), np.full((len(WINDOWS), LENGTH), -1, np.int32)
    sizes = np.ones(rests.shape, np.float32)
    for row, window in enumerate(WINDOWS):
        places = plan_pooling(WORDS, window, pooling)
        firsts[row, : len(places.words)] = 1 + places.firsts
        rests[row, 1 : 1 + len(places.rests)] = places.rests
        sizes[row, : len(places.words)] = places.sizes
    return firsts, rests, sizes


@pytest.mark.parametrize("pooling", POOLINGS)
def test_words_are_sums_of_their_kept_pieces(pooling: Pooling) -> None:
    pooled = np.asarray(pool(STATES, *arguments(pooling)))
    for row, window in enumerate(WINDOWS):
        kept = [word for word in WORDS[window.first : window.last]]
        for place, word in enumerate(plan_pooling(WORDS, window, pooling).words):
            pieces = [i for i in range(window.first, window.last) if WORDS[i] == word]
            vectors = STATES[:, row, [1 + i - window.start for i in pieces]]
            expected = vectors[:, 0] if pooling == "first" else vectors.sum(1) / (word == WORDS).sum()
            np.testing.assert_allclose(pooled[:, row, place], expected, rtol=1e-6, atol=1e-6)
            assert word in kept


def test_the_order_of_additions_is_the_first_piece_and_then_the_sum_of_the_others() -> None:
    """Uses numbers whose sum in float32 depends on the order."""
    states = np.zeros((1, 1, LENGTH, 1), np.float32)
    states[0, 0, 1:5, 0] = [1, 1e8, -1e8, 3]
    firsts, rests, sizes = (part[:1].copy() for part in arguments("mean"))
    firsts[0, 0], rests[0], sizes[0] = 1, -1, 3
    rests[0, 2:5] = 0
    assert pool(states, firsts, rests, sizes)[0, 0, 0, 0] == np.float32(4) / np.float32(3)


def test_a_gradient_reaches_exactly_the_pieces_of_words() -> None:
    inputs = tuple(map(jnp.asarray, arguments("mean")))
    used = jnp.asarray([[1.0] * 4 + [0.0] * 7, [1.0] * 2 + [0.0] * 9, [1.0] * 2 + [0.0] * 9])
    loss = lambda states: (pool(states, *inputs) * used[None, :, :, None]).sum()  # noqa: E731
    gradient = jax.grad(loss)(jnp.asarray(STATES))
    for row, window in enumerate(WINDOWS):
        expected = np.zeros(LENGTH)
        for i in range(window.first, window.last):
            expected[1 + i - window.start] = 1 / (WORDS[i] == WORDS).sum()
        np.testing.assert_allclose(gradient[0, row, :, 0], expected, rtol=1e-6)


def test_the_form_for_gpus_gives_the_same_sums() -> None:
    _, rests, _ = map(jnp.asarray, arguments("mean"))
    states = jnp.asarray(STATES)
    expected = rests_by_adding(states, rests)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(rests_by_product(states, rests), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("rows_per_sentence", [1, 2])
def test_both_forms_add_the_same_pieces_to_the_words_of_a_batch(rows_per_sentence: int) -> None:
    shape, rows = (3, 5), 3 * rows_per_sentence
    sentences = np.arange(rows)[:, None] % 3
    owners = np.random.default_rng(0).integers(0, 5, (rows, 8)) + 5 * sentences
    words = jnp.asarray(np.where(normal(1, rows, 8) > 1, 15, owners).astype(np.int32))  # 15: of no word
    weighted = jnp.asarray(normal(2, rows, 8, 4))
    added, multiplied = (form(weighted, words, shape) for form in (words_by_adding, words_by_product))
    np.testing.assert_allclose(added, multiplied, rtol=1e-5, atol=1e-5)
    assert (np.abs(np.asarray(added)).max(-1) > 0).sum() > 10
