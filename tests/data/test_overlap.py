"""Tests of the rules for overlapping spans; test_ade.py compares with ADE's published counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cman_jax.data.overlap import SpanRelation, drop_overlapping, has_overlap, keep_longest, overlaps
from cman_jax.types import Annotation, Entity, Relation, Sentence

LONG, INNER, FAR = Entity(0, 4, "A"), Entity(1, 2, "B"), Entity(6, 7, "B")
NESTED = Sentence(
    "1",
    tuple("abcdefgh"),
    (INNER, LONG, FAR),
    (Relation(0, 1, "r"), Relation(0, 2, "r"), Relation(1, 2, "r")),
)


def test_touching_spans_do_not_overlap() -> None:
    assert not overlaps(Entity(0, 2, "A"), Entity(2, 3, "A"))
    assert not overlaps(LONG, LONG)
    assert overlaps(LONG, LONG._replace(type="B"))
    assert overlaps(INNER, LONG)
    assert overlaps(LONG, INNER)
    assert has_overlap(NESTED)
    assert has_overlap(Annotation((INNER, LONG), ()))
    assert not has_overlap(Sentence("1", ("a",)))


def test_the_longest_stays_and_indices_are_renumbered() -> None:
    assert keep_longest(NESTED) == NESTED._replace(entities=(LONG, FAR), relations=(Relation(0, 1, "r"),))


@pytest.mark.parametrize(
    ("spans", "kept"),
    [
        ([(2, 4, "A"), (1, 3, "A")], [1]),  # the leftmost of equally long spans
        ([(0, 2, "B"), (0, 2, "A")], [0]),  # the first of equal spans
        ([(0, 3, "A"), (2, 7, "A"), (6, 8, "A")], [1]),
        ([(0, 4, "A"), (3, 6, "A"), (5, 8, "A")], [0, 2]),  # without the middle span, nothing overlaps
    ],
)
def test_the_kept_spans(spans: list[tuple[int, int, str]], kept: list[int]) -> None:
    entities = tuple(Entity(*span) for span in spans)
    sentence = Sentence("1", tuple("abcdefgh"), entities)
    assert keep_longest(sentence).entities == tuple(entities[index] for index in kept)


span = st.tuples(st.integers(0, 9), st.integers(1, 5), st.sampled_from("AB"))


@settings(deadline=None, max_examples=50)  # a busy machine is not a failure
@given(st.lists(span, min_size=2, max_size=7, unique=True), st.data())
def test_keep_longest_drops_only_spans_that_overlap_longer_ones(
    drawn: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    entities = tuple(Entity(start, start + width, entity_type) for start, width, entity_type in drawn)
    index = st.integers(0, len(entities) - 1)
    pairs = data.draw(
        st.lists(st.tuples(index, index).filter(lambda p: p[0] != p[1]), unique=True, max_size=5)
    )
    before = Sentence("1", ("t",) * 15, entities, tuple(Relation(a, b, "r") for a, b in pairs))
    after = keep_longest(before)
    assert not has_overlap(after)
    for gone in set(entities) - set(after.entities):
        assert any(overlaps(gone, e) and e.end - e.start >= gone.end - gone.start for e in after.entities)
    written_out = [(after.entities[r.subject], after.entities[r.object]) for r in after.relations]
    assert written_out == [
        (entities[a], entities[b]) for a, b in pairs if {entities[a], entities[b]} <= {*after.entities}
    ]


def test_scoring_drops_pairs_but_keeps_their_relations_to_others() -> None:
    spans = drop_overlapping(NESTED)
    assert spans.entities == (FAR,)
    assert spans.relations == (SpanRelation(INNER, FAR, "r"), SpanRelation(LONG, FAR, "r"))
