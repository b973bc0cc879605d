"""Tests of reliability, precision over recall, and thresholds, on probabilities of known quality."""

import numpy as np
import pytest

from cman_jax.evaluation.analysis.calibration import (
    Decisions,
    above,
    best_threshold,
    calibration_error,
    decisions,
    equal_mass,
    precision_recall,
    reliability,
)
from cman_jax.evaluation.analysis.slices import compare
from cman_jax.evaluation.metrics import score
from cman_jax.types import Annotation, Entity, Relation, Sentence

TYPES = {"entity_types": ("Peop", "Org", "Other"), "relation_types": ("Work_For", "Live_In")}
ANN, ACME, PRIZE = Entity(0, 1, "Peop"), Entity(2, 3, "Org"), Entity(4, 5, "Other")
GOLD = [
    Sentence("1", ("t",) * 6, (ANN, ACME, PRIZE), (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In"))),
    Sentence("2", ("t",) * 6, (ANN, ACME), (Relation(0, 1, "Work_For"),)),
]
CANDIDATES = [
    Annotation(
        (ANN, ACME, PRIZE),
        (Relation(0, 1, "Work_For"), Relation(1, 0, "Work_For"), Relation(0, 2, "Live_In")),
        (),
        (0.9, 0.8, 0.3),
    ),
    Annotation((ANN, ACME._replace(type="Peop")), (Relation(0, 1, "Work_For"),), (), (0.6,)),
]


def decided(ranking: str, gold: int | None = None, prob: list[float] | None = None) -> Decisions:
    """Returns decisions, the most probable first; `+` in the ranking marks a right decision."""
    right = np.array([mark == "+" for mark in ranking], bool)
    values = np.array(prob) if prob else 1 - np.arange(1, len(right) + 1) / (len(right) + 1)
    return Decisions(values, right, int(right.sum()) if gold is None else gold)


def judged(**options: object) -> Decisions:
    """Returns the decisions of the two candidates."""
    return decisions(compare(GOLD, CANDIDATES, **TYPES, **options), CANDIDATES)


def test_a_decision_is_right_as_the_convention_says() -> None:
    strict = judged()
    assert strict.prob.tolist() == [0.9, 0.8, 0.3, 0.6]
    assert strict.right.tolist() == [True, False, True, False]  # Acme is not a Peop
    assert strict.gold == 3
    assert judged(match="boundaries").right.tolist() == [True, False, True, True]
    without = judged(other=False)
    assert (without.prob.tolist(), without.gold) == ([0.9, 0.8, 0.6], 2)


def all_types(threshold: float) -> dict[str, float]:
    return dict.fromkeys(TYPES["relation_types"], threshold)


def test_above_keeps_what_exceeds_the_threshold_of_its_type() -> None:
    kept = above(CANDIDATES[0], all_types(0.8))
    assert (kept.relations, kept.relation_prob) == ((Relation(0, 1, "Work_For"),), (0.9,))
    assert kept.entities == CANDIDATES[0].entities
    assert above(CANDIDATES[0], all_types(0.0)) == CANDIDATES[0]
    assert above(CANDIDATES[0], {"Work_For": 0.9, "Live_In": 0.0}).relation_prob == (0.3,)


def test_calibrated_probabilities_have_no_error() -> None:
    # The share of right decisions at each probability equals the probability.
    levels = (np.arange(10) + 0.5) / 10
    right = np.concatenate([np.arange(100) < round(100 * level) for level in levels])
    bins = reliability(Decisions(np.repeat(levels, 100), right, int(right.sum())))
    assert [b.count for b in bins] == [100] * 10
    assert [b.share_right for b in bins] == pytest.approx(levels)
    assert calibration_error(bins) == pytest.approx(0, abs=1e-12)


def test_the_error_is_the_mean_distance_over_decisions() -> None:
    bins = reliability(Decisions(np.array([0.9, 0.9, 0.9, 0.2]), np.array([True, False, False, False]), 1), 2)
    assert bins[0] == pytest.approx((0.0, 0.5, 1, 0.2, 0.0))
    assert bins[1] == pytest.approx((0.5, 1.0, 3, 0.9, 1 / 3))
    assert calibration_error(bins) == pytest.approx((0.2 + 3 * (0.9 - 1 / 3)) / 4)


def test_every_probability_lies_in_one_bin_and_an_edge_in_the_lower() -> None:
    prob = np.array([0.0, 0.5, np.nextafter(0.5, 1), 1.0])
    assert [b.count for b in reliability(Decisions(prob, prob > 2, 0), 2)] == [2, 2]
    assert calibration_error(reliability(Decisions(np.zeros(0), np.zeros(0, bool), 0))) == 0.0


@pytest.mark.parametrize(
    ("ranking", "gold", "expected"),
    [
        ("++--", 2, 1.0),
        ("--++", 2, (1 / 3 + 2 / 4) / 2),
        ("+-+", 2, (1 + 2 / 3) / 2),
        ("+-+", 4, (1 + 2 / 3) / 4),  # two relations are between entities that were not found
        ("---", 2, 0.0),
        ("", 0, 0.0),
    ],
)
def test_average_precision_of_known_rankings(ranking: str, gold: int, expected: float) -> None:
    assert precision_recall(decided(ranking, gold)).average_precision == pytest.approx(expected)


def test_average_precision_does_not_depend_on_how_ties_are_listed() -> None:
    curves = [precision_recall(decided(r, prob=[0.9, 0.5, 0.5, 0.1])) for r in ("+-+-", "++--")]
    for curve in curves:
        assert curve.precision == pytest.approx([1, 2 / 3])
        assert curve.recall == pytest.approx([0.5, 1])
        assert curve.average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_average_precision_of_guesses_is_the_share_that_is_right() -> None:
    rng = np.random.default_rng(0)
    right = rng.random(20_000) < 0.3
    curve = precision_recall(Decisions(rng.random(20_000), right, int(right.sum())))
    assert curve.average_precision == pytest.approx(0.3, abs=0.02)


def test_the_best_threshold_scores_its_f1_and_no_other_scores_more() -> None:
    best = best_threshold(judged())
    f1 = {
        t: score(GOLD, [above(a, all_types(t)) for a in CANDIDATES], **TYPES).f1("re")
        for t in (best.threshold, *np.linspace(0, 0.99, 100).tolist())
    }
    assert f1[best.threshold] == pytest.approx(best.f1) == max(f1.values())
    assert best == pytest.approx((0.15, 400 / 7))  # two of four candidates, two of three relations


def test_the_best_threshold_is_the_highest_of_equals_and_1_where_nothing_is_right() -> None:
    # F1 is 2/3 after the first and after the third.
    assert best_threshold(decided("+-+", 2, [0.9, 0.7, 0.5]))[:] == pytest.approx((0.25, 80.0))
    assert best_threshold(decided("+--+", 2, [0.9, 0.7, 0.5, 0.3]))[:] == pytest.approx((0.8, 200 / 3))
    assert best_threshold(decided("--")) == (1.0, 0.0)


def test_bins_of_equal_mass_hold_equally_many_decisions_in_order() -> None:
    ranked = decided("+-++-+-", prob=[0.7, 0.1, 0.6, 0.5, 0.4, 0.3, 0.2])
    bins = equal_mass(ranked, 3)
    assert [b.count for b in bins] == [3, 2, 2]
    assert [(b.low, b.high) for b in bins] == [(0.0, 0.3), (0.3, 0.5), (0.5, 0.7)]
    assert [b.mean_prob for b in bins] == pytest.approx([0.2, 0.45, 0.65])
    assert [b.share_right for b in bins] == pytest.approx([1 / 3, 1 / 2, 1])
    assert calibration_error(bins) == pytest.approx((3 * 2 / 15 + 2 * 0.05 + 2 * 0.35) / 7)
    assert [b.count for b in equal_mass(ranked)] == [1] * 7
    assert equal_mass(decided("")) == []
