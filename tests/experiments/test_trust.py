"""Tests of the measurements: the sample of negatives, constraints afterwards, errors and their tables."""

from pathlib import Path

import numpy as np
import pytest

from cman_jax.data.text import from_text
from cman_jax.errors import InputError
from cman_jax.run.calibration import Calibration, Platt
from cman_jax.types import Annotation, Entity, Relation, Sentence
from experiments.trust import allowed, as_text, chance, errors, read_negatives, summary

ENTITIES = (Entity(0, 1, "Peop"), Entity(2, 3, "Org"))
RIGHT, WRONG = Relation(0, 1, "Work_For"), Relation(1, 0, "Work_For")
FOUND = Annotation(ENTITIES, (RIGHT, WRONG), (0.9, 0.8), (0.7, 0.6), (0.5, 0.4))
GOLD = Sentence("1", ("t",) * 4, ENTITIES, (RIGHT,))


def test_the_sample_of_negatives_is_distinct_and_the_same_for_a_seed(tmp_path: Path) -> None:
    path = tmp_path / "negatives.txt"
    lines = [f"{i} NEG Patient {i} slept well." for i in range(30)]
    path.write_text("\n".join([*lines, "99 NEG Patient 3 slept well."]))
    sample, rest = read_negatives(path, 10, seed=0)
    assert (sample, rest) == read_negatives(path, 10, seed=0)
    assert sample != read_negatives(path, 10, seed=1)[0]
    assert len({sentence.tokens for sentence in read_negatives(path, 30, seed=0)[0]}) == 30
    assert len({from_text(text, "").sentence.tokens for text in rest} - {s.tokens for s in sample}) == 20
    assert sample[0].tokens[0] == "Patient"
    with pytest.raises(InputError, match="found 30 distinct sentences, expected at least 31"):
        read_negatives(path, 31, seed=0)
    path.write_text("1 NEG fine\n2 POS not\n")
    with pytest.raises(InputError, match=r"negatives.txt:2: found '2 POS not', expected an id"):
        read_negatives(path, 1, seed=0)


def test_constraints_take_relations_and_their_probabilities() -> None:
    kept = allowed(FOUND, {"Work_For": frozenset({("Peop", "Org")})})
    assert kept == Annotation(ENTITIES, (RIGHT,), (0.9, 0.8), (0.7,), (0.5,))
    assert allowed(FOUND, {}) == FOUND


def test_errors_are_those_of_each_kind_of_probability() -> None:
    found = errors([GOLD], [FOUND], Calibration(Platt(), Platt(1.0, -1.0)))
    assert found["relation alone"]["error"] == pytest.approx((0.3 + 0.6) / 2)
    assert found["product"]["error"] == pytest.approx((0.5 + 0.4) / 2)
    assert found["triple, calibrated"]["mean_prob"] < found["product"]["mean_prob"]
    assert found["entity"]["error"] == pytest.approx((0.1 + 0.2) / 2)
    assert found["entity"] == found["entity, calibrated"]
    assert found["product"]["right"] == 0.5


def test_chance_falls_with_the_number_of_predictions_and_is_zero_for_certain_ones() -> None:
    prob = np.random.default_rng(0).uniform(0, 1, 6000)
    assert chance(prob, 20) < chance(prob[:300], 20) / 2
    assert chance(np.ones(30), 5) == 0


def test_the_tables_have_mean_and_deviation_of_the_runs() -> None:
    calibration = Calibration(Platt(), Platt(1.0, -1.0))
    rows = [
        {
            "ner": 80.0 + k,
            "re": 50.0 + 2 * k,
            "threshold": 0.5,
            "errors": errors([GOLD], [FOUND], calibration),
        }
        for k in (0, 2)
    ]
    runs = [{"rows": {"none": row}} for row in rows]
    text = as_text({"negatives": 0, "runs": runs, **summary(runs)})
    assert "| none | 81.00 ± 1.41 | 52.00 ± 2.83 | 0.50 ± 0.00 |  |" in text
    assert "| none | relation alone | 2 | 0.500 | 0.650 | 0.450 ± 0.000 |" in text
    alone = as_text({"negatives": 0, "runs": runs[:1], **summary(runs[:1])})
    assert "| none | 80.00 | 50.00 | 0.50 |  |" in alone
