"""Tests of which sentences come first when a person looks at errors."""

from cman_jax.evaluation.analysis.slices import compare
from cman_jax.evaluation.analysis.worst import worst_sentences
from cman_jax.types import Annotation, Entity, Relation, Sentence

TYPES = {"entity_types": ("Peop", "Org", "Other"), "relation_types": ("Work_For",)}
ANN, ACME, PRIZE = Entity(0, 1, "Peop"), Entity(2, 3, "Org"), Entity(4, 5, "Other")
WORKS = Relation(0, 1, "Work_For")
GOLD = [Sentence(str(i), ("t",) * 6, (ANN, ACME, PRIZE), (WORKS,)) for i in range(5)]
RIGHT = Annotation(GOLD[0].entities, (WORKS,))
PREDICTED = [
    RIGHT._replace(relations=()),  # one missed relation
    RIGHT,
    Annotation((ANN, ACME._replace(type="Peop")), ()),  # two missed entities, a spurious one, no relation
    Annotation((ANN, ACME), (WORKS,)),  # a missed Other
    RIGHT._replace(relations=(WORKS, Relation(1, 0, "Work_For"))),  # a spurious relation
]


def test_missed_and_spurious_facts_count_and_equals_keep_their_order() -> None:
    assert worst_sentences(compare(GOLD, PREDICTED, **TYPES)) == [2, 0, 3, 4]
    assert worst_sentences(compare(GOLD, PREDICTED, **TYPES), 2) == [2, 0]


def test_the_convention_decides_what_is_wrong() -> None:
    assert worst_sentences(compare(GOLD, PREDICTED, other=False, **TYPES)) == [2, 0, 4]
    assert worst_sentences(compare(GOLD, PREDICTED, other=False, match="boundaries", **TYPES)) == [0, 2, 4]


def test_without_an_error_or_a_sentence_there_is_none() -> None:
    assert worst_sentences(compare(GOLD, [RIGHT] * 5, **TYPES)) == []
    assert worst_sentences(compare([], [], **TYPES)) == []
