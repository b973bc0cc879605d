"""Predictions of a trained network, and of multiples of it, against the independent one in float64."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.data.bio import allowed_transitions
from cman_jax.evaluation.steps import predict_step
from cman_jax.types import Predictions
from tests import trained
from tests.builders import quick_compilation
from tests.independent.cases import Case, case_of
from tests.independent.chain import constrained, marginals, viterbi
from tests.independent.training import Said

ALLOWED = allowed_transitions(trained.vocabs().tags)
ANYTHING = tuple(np.ones_like(allowed) for allowed in ALLOWED)


class Predicted(NamedTuple):
    """Predictions for one sentence."""

    free: Predictions
    bound: Predictions  # constrained to well-formed tags
    expected: Said  # by the independent network


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Case, Any]]:
    case = case_of("full")
    with quick_compilation():
        yield case, jax.jit(functools.partial(predict_step, case.model))


@pytest.fixture(scope="module", params=trained.SCALES)
def predicted(request: pytest.FixtureRequest, network: tuple[Case, Any]) -> list[Predicted]:
    case, step = network
    params = trained.scaled(case.params, "all three", request.param)
    batch = case.padded(case.members)
    free, bound = (
        jax.device_get(step(params, {}, batch, tuple(map(jnp.asarray, allowed))))
        for allowed in (ANYTHING, ALLOWED)
    )
    found = []
    for row, member in enumerate(case.members):
        rows = (cut(p, row, len(member.tags)) for p in (free, bound))
        found.append(Predicted(*rows, case.independent.predict(params, member)))
    return found


def cut(predictions: Predictions, row: int, n: int) -> Predictions:
    """Those of one sentence, without padding."""
    tags, relation, initial, edges = (x[row] for x in predictions)
    return Predictions(tags[:n], relation[:n, :n], initial, edges[:n])


def test_the_network_is_trained_and_its_scorer_is_saturated(network: tuple[Case, Any]) -> None:
    """Tests of large parameters would show little on others. No sentence here was trained on."""
    case, _ = network
    said = [case.independent.predict(case.params, member) for member in case.members]
    right = [(np.array(viterbi(s.chain)) == m.tags).mean() for s, m in zip(said, case.members, strict=True)]
    assert np.mean(right) > 0.8
    assert all(np.abs(summand).max() > 30 for s in said for summand in s.summands)


def test_tags_are_the_best_path(predicted: list[Predicted]) -> None:
    for each in predicted:
        assert each.free.tags.tolist() == viterbi(each.expected.chain)


def test_relations_are_given_the_best_path_as_labels(predicted: list[Predicted]) -> None:
    for each in predicted:
        expected = 1 / (1 + np.exp(-each.expected.logits))
        # The logit of a sure cell may be thousands, and is exact to its share of that.
        rounding = 1e-5 * np.abs(each.expected.logits).max()
        np.testing.assert_allclose(each.free.relation_prob, expected, atol=rounding)


def test_probabilities_are_the_marginals(predicted: list[Predicted]) -> None:
    for each in predicted:
        expected = marginals(each.expected.chain)
        rounding = 1e-6 * np.abs(each.expected.chain.pairwise).max() * len(each.free.tags)
        np.testing.assert_allclose(each.free.initial_prob, expected.initial, atol=rounding)
        np.testing.assert_allclose(each.free.edge_prob, expected.pairwise, atol=rounding)


def test_constraints_bind_and_leave_the_best_of_what_is_allowed(predicted: list[Predicted]) -> None:
    for each in predicted:
        bound = constrained(each.expected.chain, *ALLOWED)
        assert each.bound.tags.tolist() == viterbi(bound)
        assert not each.bound.initial_prob[~ALLOWED[0]].any()
        assert not each.bound.edge_prob[:, ~ALLOWED[1]].any()
