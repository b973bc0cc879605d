"""Tests of both losses against plain loops, of gold cells, and of padding."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.training.losses import Objective, loss_terms, ner_loss, relation_loss, relation_targets
from cman_jax.types import Batch, CRFPotentials, Potentials
from tests import oracles
from tests.builders import lengths_to_mask, normal, numeric

B, N, R, T = 3, 4, 3, 3
NULL = R - 1
LENGTHS = [4, 2, 0]
Cell = tuple[int, int, int]


def batch_with(cells: list[list[Cell]], lengths: list[int] = LENGTHS, tags: Any = None) -> Batch:
    """Returns a batch with these gold cells per sentence; the network's inputs are not read."""
    padding = (N, N, R)
    rows = [[*sentence, *[padding] * (6 - len(sentence))] for sentence in cells]
    mask, nothing = lengths_to_mask(lengths, N), np.zeros((B, N), np.int32)
    features = np.zeros((B, 0, N, 0), np.float16)
    return Batch(nothing, mask, nothing if tags is None else tags, (), nothing, np.int32(rows), features)


def targets_of(cells: list[list[Cell]], *, null_relation: bool) -> list[set[Cell]]:
    """Returns the cells that are True, per sentence."""
    batch = batch_with(cells)
    make = jax.jit(relation_targets, static_argnums=2, static_argnames="null_relation")
    targets = make(batch.relation_cells, batch.mask, R, null_relation=null_relation)
    return [{tuple(map(int, cell)) for cell in np.argwhere(sentence)} for sentence in np.asarray(targets)]


def gold_of(cells: list[Cell], length: int, *, null_relation: bool) -> set[Cell]:
    """Returns the gold cells of a sentence, with those of the class 'N' if it exists."""
    subjects = {subject for subject, _, _ in cells}
    null = {(i, i, NULL) for i in range(length) if null_relation and i not in subjects}
    return {*cells, *null}


def test_targets_are_the_gold_cells_in_their_direction() -> None:
    cells = [[(0, 3, 1), (3, 0, 0), (0, 2, 1)], [(1, 0, 0)], []]
    assert targets_of(cells, null_relation=False) == [set(sentence) for sentence in cells]


def test_with_the_null_class_a_token_that_is_not_a_subject_points_at_itself() -> None:
    cells = [[(0, 3, 1), (3, 0, 0), (0, 2, 1)], [(1, 0, 0)], []]
    null = [{(1, 1, NULL), (2, 2, NULL)}, {(0, 0, NULL)}, set()]
    assert targets_of(cells, null_relation=True) == [set(c) | n for c, n in zip(cells, null, strict=True)]


@pytest.mark.parametrize("outside", [(N, 0, 0), (0, N, 0), (0, 1, R), (N, N, R)])
def test_gold_cells_outside_the_tensor_are_padding(outside: Cell) -> None:
    assert targets_of([[outside], [], []], null_relation=False) == [set(), set(), set()]
    everyone = {(i, i, NULL) for i in range(N)}
    assert targets_of([[outside], [], []], null_relation=True)[0] == everyone


cell = st.tuples(st.integers(0, N - 1), st.integers(0, N - 1), st.integers(0, NULL - 1))


@numeric
@given(st.lists(st.lists(cell, max_size=6), min_size=B, max_size=B), st.booleans(), st.integers(0, 99))
def test_the_relation_loss_equals_a_loop_over_the_cells_of_real_tokens(
    cells: list[list[Cell]], null_relation: bool, seed: int
) -> None:
    lengths = [4, 3, 0]
    cells = [[c for c in sentence if max(c[:2]) < n] for sentence, n in zip(cells, lengths, strict=True)]
    logits = normal(seed, B, N, N, R, scale=3)
    compute = jax.jit(relation_loss, static_argnames="null_relation")
    losses = compute(logits, batch_with(cells, lengths), null_relation=null_relation)
    for b, n in enumerate(lengths):
        gold = gold_of(cells[b], n, null_relation=null_relation)
        np.testing.assert_allclose(losses[b], oracles.relation_loss(logits[b], n, gold), rtol=1e-5)


@pytest.mark.parametrize("null_relation", [True, False])
def test_weight_and_smoothing_change_the_cells_of_the_relation_loss(null_relation: bool) -> None:
    """Compares with a loop: a smoothed target for every cell, the weight for gold cells but those of 'N'."""
    cells, lengths = [[(0, 3, 1), (2, 0, 0)], [(1, 0, 0)], []], [4, 3, 0]
    logits = normal(3, B, N, N, R, scale=3)
    objective = Objective(positive_weight=2.5, relation_smoothing=0.2)
    compute = jax.jit(relation_loss, static_argnums=2, static_argnames="null_relation")
    losses = compute(logits, batch_with(cells, lengths), objective, null_relation=null_relation)
    for b, n in enumerate(lengths):
        gold, expected = gold_of(cells[b], n, null_relation=null_relation), 0.0
        for i, j, k in itertools.product(range(n), range(n), range(R)):
            probability = 1 / (1 + np.exp(-np.float64(logits[b, i, j, k])))
            target = 0.9 if (i, j, k) in gold else 0.1
            weight = 2.5 if (i, j, k) in cells[b] else 1
            expected -= weight * (target * np.log(probability) + (1 - target) * np.log(1 - probability))
        np.testing.assert_allclose(losses[b], expected, rtol=1e-5)


def test_the_relation_loss_of_extreme_logits_is_finite_and_so_is_its_gradient() -> None:
    batch = batch_with([[(0, 1, 0)], [], []])
    for sign in (1, -1):
        logits = np.full((B, N, N, R), sign * 1e4, np.float32)
        loss = lambda x, batch: relation_loss(x, batch, null_relation=True).sum()  # noqa: E731
        value, gradient = jax.jit(jax.value_and_grad(loss))(logits, batch)
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("scale", [1, 10, 30, 100])
def test_the_relation_loss_and_its_gradient_keep_their_digits_where_the_network_is_sure(scale: float) -> None:
    """Compares with double precision, where -log P loses no digits; only gold cells have large logits."""
    cells = [[(0, 1, 0), (2, 1, 1)], [(1, 0, 0)], []]
    batch = batch_with(cells)
    logits = -scale * (1 + np.abs(normal(0, B, N, N, R)))
    for b, sentence in enumerate(cells):
        for cell in sentence:
            logits[b, *cell] *= -1
    loss = lambda x, batch: relation_loss(x, batch, null_relation=False).sum()  # noqa: E731
    value, gradient = jax.jit(jax.value_and_grad(loss))(logits, batch)
    wrong_by = -np.abs(np.float64(logits)[pairs(batch.mask)])  # all cells are right, with large margins
    np.testing.assert_allclose(value, np.log1p(np.exp(wrong_by)).sum(), rtol=1e-5, atol=1e-37)
    share = 1 / (1 + np.exp(-wrong_by))
    np.testing.assert_allclose(np.abs(gradient)[pairs(batch.mask)], share, rtol=1e-4, atol=1e-37)


def random_chain(seed: int) -> CRFPotentials:
    """Returns random potentials."""
    return CRFPotentials(normal(seed, B, T), normal(seed + 1, B, N, T, T))


@pytest.mark.parametrize("seed", range(5))
def test_the_ner_loss_is_minus_the_log_probability_of_the_tags(seed: int) -> None:
    potentials, tags = random_chain(seed), np.random.default_rng(seed).integers(0, T, (B, N))
    losses = jax.jit(ner_loss)(potentials, batch_with([[], [], []], tags=tags))
    assert (losses >= 0).all()
    assert losses[2] == 0
    for b, n in enumerate(LENGTHS[:2]):
        scores = oracles.path_scores(potentials.initial[b], potentials.pairwise[b, :n])
        expected = oracles.log_sum_exp(scores) - scores[tuple(tags[b, :n])]
        np.testing.assert_allclose(losses[b], expected, rtol=1e-4)


def test_probabilities_of_all_tag_sequences_sum_to_one() -> None:
    potentials, compute = random_chain(9), jax.jit(ner_loss)
    total = np.zeros(B)
    for path in itertools.product(range(T), repeat=N):
        tags = np.tile(np.int32(path), (B, 1))
        total += np.exp(-compute(potentials, batch_with([[], [], []], [N] * B, tags)))
    np.testing.assert_allclose(total, 1, rtol=1e-5)


def test_the_terms_are_sums_over_sentences_and_padding_adds_nothing() -> None:
    potentials = Potentials(random_chain(0), normal(2, B, N, N, R))
    batch = batch_with([[(0, 1, 0)], [(1, 0, 1)], []])
    compute = jax.jit(loss_terms, static_argnames="null_relation")
    terms = compute(potentials, batch, null_relation=True)
    np.testing.assert_allclose(terms.ner, ner_loss_of(potentials, batch).sum(), rtol=1e-5)
    garbage = np.where(pairs(batch.mask), potentials.relation_logits, 1e3)
    again = compute(potentials._replace(relation_logits=garbage), batch, null_relation=True)
    assert again == terms
    gradient = jax.grad(lambda p: compute(p, batch, null_relation=True).relation)(potentials)
    assert not gradient.relation_logits[~pairs(batch.mask)].any()


def ner_loss_of(potentials: Potentials, batch: Batch) -> Any:
    """Returns the NER loss of each sentence."""
    return jax.jit(ner_loss)(potentials.tagging, batch)


def pairs(mask: np.ndarray) -> np.ndarray:
    """Returns whether both tokens are real: [b n m r]."""
    return np.broadcast_to(mask[:, :, None, None] & mask[:, None, :, None], (B, N, N, R))
