"""Tests of the fit: known temperatures are recovered, and little data changes little."""

import numpy as np
import pytest

from cman_jax.evaluation.analysis.calibration import (
    Decisions,
    calibration_error,
    entity_decisions,
    equal_mass,
    precision_recall,
    triple_decisions,
)
from cman_jax.evaluation.analysis.fitting import fit_calibration, fit_platt, tuned_threshold
from cman_jax.run.calibration import Calibration, Platt, log_odds
from cman_jax.types import Annotation, Entity, Relation, Sentence

ANN, ACME = Entity(0, 1, "Peop"), Entity(2, 3, "Org")


def decisions_of(scale: float, offset: float, count: int = 20_000) -> Decisions:
    """Draws decisions whose stated probabilities become true through this scale and offset."""
    random = np.random.default_rng(1)
    logits = random.normal(1, 3, count)
    true = 1 / (1 + np.exp(-(scale * logits + offset)))
    right = random.random(count) < true
    return Decisions(1 / (1 + np.exp(-logits)), right, int(right.sum()))


@pytest.mark.parametrize(("temperature", "offset"), [(1.0, 0.0), (2.5, 0.0), (0.5, 0.0), (2.0, -0.75)])
def test_a_known_temperature_is_recovered(temperature: float, offset: float) -> None:
    decided = decisions_of(1 / temperature, offset)
    fitted = fit_platt(decided.prob, decided.right)
    assert 1 / fitted.scale == pytest.approx(temperature, rel=0.05)
    assert fitted.offset == pytest.approx(offset, abs=0.06)


def test_the_fit_is_the_minimum_of_its_loss() -> None:
    decided = decisions_of(0.4, -0.5, 60)

    def loss(scale: float, offset: float) -> float:
        values = scale * log_odds(decided.prob) + offset
        data = np.logaddexp(0, np.where(decided.right, -values, values)).sum()
        return data + ((scale - 1) ** 2 + offset**2) / 2

    best = fit_platt(decided.prob, decided.right)
    for scale in np.linspace(0.05, 3, 60):
        for offset in np.linspace(-3, 3, 61):
            assert loss(*best) <= loss(scale, offset) + 1e-5


def test_calibration_lowers_the_error_on_other_sentences() -> None:
    decided = decisions_of(0.4, -0.5)
    first, second = slice(0, 10_000), slice(10_000, None)
    fitted = fit_platt(decided.prob[first], decided.right[first])
    after = np.array([fitted(prob) for prob in decided.prob[second]])
    errors = [
        calibration_error(equal_mass(Decisions(prob, decided.right[second], 0)))
        for prob in (decided.prob[second], after)
    ]
    assert errors[0] > 0.1
    assert errors[1] < 0.02


def test_few_decisions_of_one_kind_leave_finite_numbers_and_none_the_identity() -> None:
    assert fit_platt(np.zeros(0), np.zeros(0, bool)) == Platt()
    for right in (True, False):
        fitted = fit_platt(np.array([0.9, 1.0, 0.0]), np.full(3, right))
        assert 0 < fitted.scale <= 5
        assert np.sign(fitted.offset) == (1 if right else -1)


def test_a_triple_is_right_with_its_type_and_both_entities() -> None:
    gold = [Sentence("1", ("t",) * 4, (ANN, ACME), (Relation(0, 1, "Work_For"),))] * 3
    right = Annotation((ANN, ACME), (Relation(0, 1, "Work_For"),), (0.9, 0.8), (0.7,), (0.504,))
    other_type = right._replace(relations=(Relation(0, 1, "Live_In"),))
    other_entity = right._replace(entities=(ANN, ACME._replace(type="Loc")))
    annotations = [right, other_type, other_entity]
    triples, entities = triple_decisions(gold, annotations), entity_decisions(gold, annotations)
    assert (triples.prob.tolist(), triples.right.tolist(), triples.gold) == (
        [0.504] * 3,
        [True, False, False],
        3,
    )
    assert entities.right.tolist() == [True, True, True, True, True, False]
    assert (entities.prob.tolist(), entities.gold) == ([0.9, 0.8] * 3, 6)
    assert fit_calibration(gold, annotations) == Calibration(
        fit_platt(entities.prob, entities.right), fit_platt(triples.prob, triples.right)
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_tuned_threshold_is_short_and_has_the_best_f1(seed: int) -> None:
    random = np.random.default_rng(seed)
    prob = random.random(200)
    decided = Decisions(prob, random.random(200) < prob, 130)
    best = tuned_threshold(decided)
    kept = prob > best.threshold
    correct = int(decided.right[kept].sum())
    assert 200 * correct / (kept.sum() + 130) == pytest.approx(best.f1)
    assert best.f1 == pytest.approx(100 * precision_recall(decided).f1.max())
    assert len(str(best.threshold)) <= 8
