"""Tests of the counts of false alarms."""

from cman_jax.evaluation.negatives import Alarms, count_alarms
from cman_jax.types import Annotation, Entity, Relation


def test_a_sentence_counts_once_and_every_triple_counts() -> None:
    entities = (Entity(0, 1, "Peop"), Entity(2, 3, "Org"))
    two = Annotation(entities, (Relation(0, 1, "Work_For"), Relation(1, 0, "Work_For")))
    found = count_alarms([two, Annotation(entities, ()), Annotation((), ()), two])
    assert found == Alarms(4, 2, 4)
    assert found.share == 50.0
    assert count_alarms([]).share == 0.0
