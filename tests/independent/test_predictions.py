"""Tests of a trained network's predictions, also scaled, against the independent network in float64."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.data.bio import allowed_transitions
from cman_jax.inference.steps import predict_step
from cman_jax.types import Predictions
from tests import trained
from tests.builders import precision, quick_compilation
from tests.independent.cases import Case, case_of, cast
from tests.independent.chain import constrained, marginals, viterbi
from tests.independent.training import Said

ALLOWED = allowed_transitions(trained.vocabs().tags)
ANYTHING = tuple(np.ones_like(allowed) for allowed in ALLOWED)


class Predicted(NamedTuple):
    """The predictions for one sentence."""

    free: Predictions
    bound: Predictions  # constrained to well-formed tags
    expected: Said  # by the independent network

    @property
    def tolerance(self) -> float:
        """Returns the largest difference that is allowed."""
        return 1e-8 if self.free.edge_prob.dtype == np.float64 else 1e-4


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Case, Any]]:
    """Returns a trained network and its compiled prediction."""
    case = case_of("full")
    with quick_compilation():
        yield case, jax.jit(functools.partial(predict_step, case.model))


# In float32, the rounding of larger parameters moves some logits by more than the tolerance.
SETTINGS = [*((scale, np.float64) for scale in trained.SCALES), (1, np.float32)]


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda setting: f"{setting[1].__name__} x {setting[0]}")
def predicted(request: pytest.FixtureRequest, network: tuple[Case, Any]) -> list[Predicted]:
    """Returns the predictions for each sentence, under one scale and precision."""
    (case, step), (scale, dtype) = network, request.param
    params = trained.scaled(case.params, "all three", scale)
    with precision(dtype):
        batch = case.padded(case.members)
        free, bound = (
            jax.device_get(step(cast(params, dtype), {}, batch, tuple(map(jnp.asarray, allowed))))
            for allowed in (ANYTHING, ALLOWED)
        )
    found = []
    for row, member in enumerate(case.members):
        rows = (cut(p, row, len(member.tags)) for p in (free, bound))
        found.append(Predicted(*rows, case.independent.predict(params, member)))
    return found


def cut(predictions: Predictions, row: int, n: int) -> Predictions:
    """Returns the predictions of one sentence, without padding."""
    tags, relation, initial, edges = (x[row] for x in predictions)
    return Predictions(tags[:n], relation[:n, :n], initial, edges[:n])


def test_the_network_is_trained_and_its_scorer_is_saturated(network: tuple[Case, Any]) -> None:
    """Checks that these tests are about large parameters; no sentence here was trained on."""
    case, _ = network
    said = [case.independent.predict(case.params, member) for member in case.members]
    right = [(np.array(viterbi(s.chain)) == m.tags).mean() for s, m in zip(said, case.members, strict=True)]
    assert np.mean(right) > 0.8
    assert all(np.abs(summand).max() > 30 for s in said for summand in s.summands)


def test_tags_are_the_best_path(predicted: list[Predicted]) -> None:
    for each in predicted:
        assert each.free.tags.tolist() == viterbi(each.expected.chain)


def test_relations_read_the_best_path_as_labels(predicted: list[Predicted]) -> None:
    for each in predicted:
        expected = 1 / (1 + np.exp(-each.expected.logits))
        np.testing.assert_allclose(each.free.relation_prob, expected, rtol=0, atol=each.tolerance)


def test_probabilities_are_the_marginals(predicted: list[Predicted]) -> None:
    for each in predicted:
        expected = marginals(each.expected.chain)
        np.testing.assert_allclose(each.free.initial_prob, expected.initial, rtol=0, atol=each.tolerance)
        np.testing.assert_allclose(each.free.edge_prob, expected.pairwise, rtol=0, atol=each.tolerance)


def test_constraints_hold_and_the_best_allowed_path_remains(predicted: list[Predicted]) -> None:
    for each in predicted:
        bound = constrained(each.expected.chain, *ALLOWED)
        assert each.bound.tags.tolist() == viterbi(bound)
        assert not each.bound.initial_prob[~ALLOWED[0]].any()
        assert not each.bound.edge_prob[:, ~ALLOWED[1]].any()
