"""Tests of the relation scorer against Eq. (9), of the order of its axes, and of its prior."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.model.relation import RelationScorer
from tests import oracles
from tests.builders import normal, random_variables

B, N, D, F, R = 2, 4, 6, 5, 3


def scorer(kind: str = "per_relation", prior: float = 0.01, **sizes: int) -> RelationScorer:
    """Returns a small scorer."""
    return RelationScorer(**{"num_relations": R, "dim": F, **sizes}, kind=kind, prior=prior)


@pytest.fixture(scope="module", params=["per_relation", "shared"])
def scored(request: pytest.FixtureRequest) -> Any:
    """Returns a scorer as a compiled function of its input, its parameters, and an input."""
    x, module = normal(0, B, N, D), scorer(request.param)
    variables = random_variables(module, x, scale=0.5)
    return jax.jit(lambda x: module.apply(variables, x)), variables["params"], x


def test_every_cell_equals_eq_9(scored: Any) -> None:
    score, params, x = scored
    cells = itertools.product(range(B), range(N), range(N), range(R))
    expected = [oracles.relation_score(params, x[b], i, j, k) for b, i, j, k in cells]
    np.testing.assert_allclose(score(x), np.reshape(expected, (B, N, N, R)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["per_relation", "shared"])
def test_of_running_sums_only_differences_are_read(kind: str) -> None:
    x, sums, module = normal(0, B, N, D), normal(1, B, N, 2), scorer(kind, num_sums=2)
    tokens = jnp.concatenate([x, sums], -1)
    variables = random_variables(module, tokens, scale=0.5)
    params, logits = variables["params"], module.apply(variables, tokens)
    cells = itertools.product(range(B), range(N), range(N), range(R))
    expected = [oracles.relation_score(params, x[b], i, j, k, sums[b]) for b, i, j, k in cells]
    np.testing.assert_allclose(logits, np.reshape(expected, (B, N, N, R)), rtol=1e-4, atol=1e-5)
    raised = module.apply(variables, jnp.concatenate([x, sums + 3], -1))
    np.testing.assert_allclose(raised, logits, atol=1e-5)


def test_subject_and_object_are_not_interchangeable(scored: Any) -> None:
    score, _, x = scored
    logits = np.asarray(score(x))
    off_diagonal = ~np.eye(N, dtype=bool)
    assert (np.abs(logits - logits.transpose(0, 2, 1, 3))[:, off_diagonal] > 1e-4).all()


def test_a_token_changes_its_row_as_subject_and_its_column_as_object_and_nothing_else(scored: Any) -> None:
    score, _, x = scored
    shifted = x.copy()
    shifted[0, 1] += 1
    moved = np.asarray(score(shifted) != score(x))
    expected = np.zeros_like(moved)
    expected[0, 1], expected[0, :, 1] = True, True
    np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize("kind", ["per_relation", "shared"])
def test_scores_of_some_subjects_and_objects_equal_those_among_all_tokens(kind: str) -> None:
    x, module = jnp.asarray(normal(0, B, N, D)), scorer(kind)
    variables = random_variables(module, x, scale=0.5)
    some = module.apply(variables, x[:, ::2], x[:, 1:])
    np.testing.assert_allclose(some, module.apply(variables, x)[:, ::2, 1:], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["per_relation", "shared"])
def test_parameters_are_one_set_per_relation_or_one_for_all(kind: str) -> None:
    params = jax.eval_shape(scorer(kind).init, jax.random.key(0), normal(0, B, N, D))["params"]
    groups = R if kind == "per_relation" else 1
    assert params["subject"]["kernel"].shape == params["object"]["kernel"].shape == (D, groups * F)
    assert params["bias"].shape == (groups, F)
    assert params["output"].shape == (F, R)


@functools.cache
def first_probabilities(prior: float) -> Any:
    """Returns a function from an input to each relation's mean probability before training."""
    module = scorer(prior=prior, num_relations=6, dim=128)
    init = lambda x: module.init_with_output(jax.random.key(0), x)[0]  # noqa: E731
    return jax.jit(lambda x: jax.nn.sigmoid(init(x)).mean((0, 1, 2)))


STILL, MOVING = normal(0, 2, 10, 256, scale=1e-3), normal(0, 2, 10, 256)


@pytest.mark.parametrize("prior", [0.01, 0.5])
def test_for_inputs_near_zero_relations_start_as_probable_as_their_prior(prior: float) -> None:
    np.testing.assert_allclose(first_probabilities(prior)(STILL), prior, rtol=0.02)


def test_inputs_of_unit_size_weaken_the_prior_but_keep_relations_rare() -> None:
    assert 0.01 < first_probabilities(0.01)(MOVING).mean() < 0.2
    np.testing.assert_allclose(first_probabilities(0.5)(MOVING).mean(), 0.5, atol=0.05)
