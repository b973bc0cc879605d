"""Tests of the kinds of errors in a few sentences."""

import pytest

from cman_jax.evaluation.analysis.confusion import agreements, confusions
from cman_jax.evaluation.analysis.slices import Comparison, compare
from cman_jax.evaluation.metrics import score
from cman_jax.types import Annotation, Entity, Relation, Sentence

TYPES = {"entity_types": ("Peop", "Org", "Loc"), "relation_types": ("Work_For", "Live_In")}
ANN, ACME, RIGA = Entity(0, 2, "Peop"), Entity(4, 5, "Org"), Entity(6, 7, "Loc")
ENTITIES = (ANN, ACME, RIGA)
RELATIONS = (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In"))


def compared(*predicted: Annotation) -> Comparison:
    """Returns the comparison of predictions with equal gold sentences."""
    gold = [Sentence(f"s{i}", ("t",) * 8, ENTITIES, RELATIONS) for i in range(len(predicted))]
    return compare(gold, predicted, **TYPES)


def test_the_gold_itself_has_no_confusions() -> None:
    comparison = compared(Annotation(ENTITIES, RELATIONS))
    assert confusions(comparison, "ner") == confusions(comparison, "re") == []


def test_types_are_confused_if_boundaries_agree_and_otherwise_missed_or_invented() -> None:
    wrong_type = Annotation((ANN, ACME._replace(type="Loc"), RIGA), RELATIONS)
    wrong_end = Annotation((ANN._replace(end=1), ACME, RIGA), ())
    found = confusions(compared(wrong_type, wrong_end, wrong_type), "ner")
    assert found == [
        ("Org", "Loc", 2, ("s0", "s2")),
        (None, "Peop", 1, ("s1",)),
        ("Peop", None, 1, ("s1",)),
    ]


def test_relations_are_confused_between_equal_pairs_whatever_the_types_of_the_entities() -> None:
    entities = (ANN, ACME._replace(type="Loc"), RIGA)
    found = confusions(compared(Annotation(entities, (Relation(0, 1, "Live_In"), RELATIONS[1]))), "re")
    assert found == [("Work_For", "Live_In", 1, ("s0",))]


def test_a_relation_in_the_wrong_direction_is_missed_and_invented() -> None:
    found = confusions(compared(Annotation(ENTITIES, (Relation(1, 0, "Work_For"), RELATIONS[1]))), "re")
    assert found == [(None, "Work_For", 1, ("s0",)), ("Work_For", None, 1, ("s0",))]


def test_beside_a_right_type_another_one_is_invented() -> None:
    found = confusions(compared(Annotation(ENTITIES, (*RELATIONS, Relation(0, 1, "Live_In")))), "re")
    assert found == [(None, "Live_In", 1, ("s0",))]


@pytest.mark.parametrize(("task", "match"), [("ner", "strict"), ("re", "boundaries")])
def test_agreements_are_the_right_facts_of_the_scores_and_with_the_errors_make_up_the_gold(
    task: str, match: str
) -> None:
    relations = (Relation(0, 1, "Live_In"), Relation(1, 0, "Work_For"))
    wrong = Annotation((ANN, ACME._replace(type="Loc")), relations)
    right = Annotation((ANN._replace(type="Org"), ACME, RIGA), RELATIONS)
    comparison = compared(wrong, right, right)
    table = score(comparison.sentences, [wrong, right, right], **TYPES).table(task, match=match)
    found = agreements(comparison, task)
    assert found == {name: counts.tp for name, counts in table.per_type.items() if counts.tp}
    errors = confusions(comparison, task)
    for name, counts in table.per_type.items():
        assert found.get(name, 0) + sum(e.count for e in errors if e.gold == name) == counts.gold
        assert found.get(name, 0) + sum(e.count for e in errors if e.predicted == name) == counts.predicted


def test_three_sentences_at_most_are_named_each_once() -> None:
    nothing = Annotation((), ())
    found = confusions(compared(*[nothing] * 5), "re")
    assert found == [("Live_In", None, 5, ("s0", "s1", "s2")), ("Work_For", None, 5, ("s0", "s1", "s2"))]
    twice = Sentence("twice", ("t",) * 8, ENTITIES, (RELATIONS[1], Relation(1, 2, "Live_In")))
    assert confusions(compare([twice], [nothing], **TYPES), "re") == [("Live_In", None, 2, ("twice",))]
