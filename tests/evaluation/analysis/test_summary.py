"""Tests of the whole analysis of two sentences: its JSON, and its tables character by character."""

import json
from typing import Any

import pytest

from cman_jax.config import ScoringConfig
from cman_jax.errors import InputError
from cman_jax.evaluation.analysis.calibration import calibration_error, equal_mass, triple_decisions
from cman_jax.evaluation.analysis.report import analysis_tables
from cman_jax.evaluation.analysis.summary import Judged, analyse, judge, judge_answers
from cman_jax.evaluation.metrics import score
from cman_jax.types import Annotation, Entity, Relation, Sentence

TYPES = {"entity_types": ("Peop", "Org", "Loc"), "relation_types": ("Work_For", "Live_In")}
ANN, ACME, RIGA = Entity(0, 1, "Peop"), Entity(2, 3, "Org"), Entity(4, 5, "Loc")
GOLD = [
    Sentence(
        "s1",
        ("Ann", "at", "Acme", "in", "Riga"),
        (ANN, ACME, RIGA),
        (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In")),
    ),
    Sentence("s2", ("Ann", "of", "Acme"), (ANN, ACME), (Relation(0, 1, "Work_For"),)),
]
CANDIDATES = [
    Annotation((ANN, ACME, RIGA), (Relation(0, 1, "Work_For"), Relation(0, 2, "Work_For")), (), (0.9, 0.6)),
    Annotation((ANN, ACME), (Relation(0, 1, "Work_For"), Relation(1, 0, "Work_For")), (), (0.4, 0.05)),
]


def judged(threshold: float = 0.5, **scoring: Any) -> Judged:
    """Returns the answers at a threshold, compared with the gold."""
    return judge(
        GOLD, CANDIDATES, {"Work_For": threshold, "Live_In": threshold}, ScoringConfig(**scoring), **TYPES
    )


def test_the_tables_to_the_character() -> None:
    found = analyse(judged(), GOLD[1:], "micro")
    lines = analysis_tables(found).splitlines()
    assert lines[:2] == [
        "     sentences  NER F1         95 %  gold  RE F1      95 %  gold",
        "all          2  100.00  100.0-100.0     5  40.00  0.0-50.0     3",
    ]
    assert lines[8:13] == [
        "",
        "entity distance, characters  sentences  NER F1         95 %  gold  RE F1       95 %  gold",
        "0-9                                  2  100.00  100.0-100.0     4  66.67  0.0-100.0     2",
        "10-19                                2  100.00  100.0-100.0     2   0.00    0.0-0.0     1",
        ">=20                                 2    0.00      0.0-0.0     0   0.00    0.0-0.0     0",
    ]
    text = "\n".join(lines)
    assert "Live_In                2   0.00   0.0-0.0     1" in text
    assert "also in train          1  100.00  100.0-100.0     2   0.00    0.0-0.0     1" in text
    assert lines[-9:] == [
        "expected calibration error 0.3375",
        "",
        "RE over the threshold: average precision 0.5556, best micro F1 66.67 at threshold 0.2250",
        "",
        "NER: gold -> predicted  errors  sentences",
        "",
        "RE: gold -> predicted  errors  sentences",
        "Live_In -> Work_For         1         s1",
        "Work_For -> (nothing)       1         s2",
    ]


def test_beside_another_system_every_slice_has_its_f1_and_p() -> None:
    found = analyse(judged(), [], "micro", judged(threshold=0.0))
    row = found["slices"]["all"]["all"]
    assert row["re"]["other_f1"] == pytest.approx(400 / 7)
    # Only s2 differs, so the difference stays as large whether it is exchanged or not.
    assert row["re"]["p"] == row["ner"]["p"] == 1.0
    assert "p" in found["slices"]["length"][">=50"]["ner"]
    assert "57.14  1.0000" in analysis_tables(found)


@pytest.mark.parametrize("match", ["strict", "boundaries"])
@pytest.mark.parametrize("average", ["micro", "macro"])
def test_the_analysis_is_json_with_the_scores(match: str, average: str) -> None:
    found = json.loads(json.dumps(analyse(judged(match=match), GOLD, average)))
    answers = [CANDIDATES[0], CANDIDATES[1]._replace(relations=(), relation_prob=())]
    scores = score(GOLD, answers, **TYPES)
    for task in ("ner", "re"):
        measured = found["slices"]["all"]["all"][task]
        assert measured["f1"] == pytest.approx(scores.f1(task, match=match, average=average))
        counts = scores.table(task, match=match).micro
        assert (measured["tp"], measured["fp"], measured["fn"]) == tuple(counts)
    assert set(found["slices"]) == {"all", "length", "distance", "relation_type", "train"}
    assert [b["count"] for b in found["calibration"]["bins"]] == [1, 0, 0, 1, 0, 1, 0, 0, 1, 0]


def test_without_training_sentences_new_and_known_ones_are_not_told_apart() -> None:
    assert set(analyse(judged(), None, "micro")["slices"]) == {"all", "length", "distance", "relation_type"}


def test_the_answers_are_judged_by_their_own_probabilities() -> None:
    with_prob = [
        each._replace(entity_prob=(0.9,) * len(each.entities), triple_prob=prob)
        for each, prob in zip(CANDIDATES, [(0.85, 0.55), (0.35, 0.05)], strict=True)
    ]
    ours = judge(GOLD, with_prob, {"Work_For": 0.5, "Live_In": 0.9}, ScoringConfig(), **TYPES)
    assert ours.thresholds == {"Work_For": 0.5, "Live_In": 0.9}
    found = judge_answers(ours)
    assert {b["high"]: b["count"] for b in found["ner"]["bins"] if b["count"]} == {0.9: 5}
    filled = [b for b in found["re"]["bins"] if b["count"]]  # s2's are below the threshold
    assert [(b["count"], b["mean_prob"], b["share_right"]) for b in filled] == [
        (1, 0.55, 0.0),
        (1, 0.85, 1.0),
    ]
    decided = triple_decisions(GOLD, ours.annotations)
    assert found["re"]["error"] == calibration_error(equal_mass(decided)) == pytest.approx((0.55 + 0.15) / 2)
    assert found["ner"]["error"] == pytest.approx(0.1)


def test_a_type_outside_the_inventory_is_refused() -> None:
    with pytest.raises(InputError, match="prediction for sentence s1: found relation type 'Kill'"):
        judge(
            GOLD[:1],
            [Annotation((ANN, ACME), (Relation(0, 1, "Kill"),), (), (0.1,))],
            {"Kill": 0.5},
            ScoringConfig(),
            **TYPES,
        )
