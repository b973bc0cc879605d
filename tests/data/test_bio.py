"""Tests that spans survive tagging, and that the constraints allow exactly the well-formed sequences."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cman_jax.data.bio import allowed_transitions, spans_to_tags, tag_names, tags_to_spans
from cman_jax.types import Entity

TAGS = tag_names(("Loc", "Adverse-Effect"))


def test_the_inventory_follows_the_types() -> None:
    assert TAGS == ("O", "B-Loc", "I-Loc", "B-Adverse-Effect", "I-Adverse-Effect")
    assert tag_names(()) == ("O",)


@settings(deadline=None, max_examples=50)  # a busy machine is not a failure
@given(st.lists(st.sampled_from(["", "Loc", "Adverse-Effect"]), max_size=6), st.data())
def test_spans_survive_tagging(pieces: list[str], data: st.DataObject) -> None:
    entities, position = [], 0
    for entity_type in pieces:
        width = data.draw(st.integers(1, 4))
        if entity_type:
            entities.append(Entity(position, position + width, entity_type))
        position += width
    tags = spans_to_tags(position, entities)
    assert tags_to_spans(tags) == tuple(entities)
    assert spans_to_tags(position, entities[::-1]) == tags


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("O I-Loc I-Loc", [(1, 3, "Loc")]),
        ("I-Loc O", [(0, 1, "Loc")]),
        ("B-Loc I-Org I-Org", [(0, 1, "Loc"), (1, 3, "Org")]),
        ("B-Loc B-Loc I-Loc", [(0, 1, "Loc"), (1, 3, "Loc")]),
        ("I-Loc I-Org I-Loc", [(0, 1, "Loc"), (1, 2, "Org"), (2, 3, "Loc")]),
        ("B-Loc O I-Loc", [(0, 1, "Loc"), (2, 3, "Loc")]),
        ("B-A-B I-A-B I-A", [(0, 2, "A-B"), (2, 3, "A")]),
        ("", []),
    ],
)
def test_every_tag_of_an_ill_formed_sequence_belongs_to_a_span(
    tags: str, spans: list[tuple[int, int, str]]
) -> None:
    assert tags_to_spans(tags.split()) == tuple(Entity(*span) for span in spans)


@pytest.mark.parametrize("entities", [[(0, 2, "A"), (1, 3, "A")], [(0, 1, "A"), (0, 1, "B")]])
def test_overlap_is_refused(entities: list[tuple[int, int, str]]) -> None:
    with pytest.raises(ValueError, match="overlaps another"):
        spans_to_tags(4, [Entity(*entity) for entity in entities])


@pytest.mark.parametrize("entity", [Entity(0, 5, "A"), Entity(2, 2, "A"), Entity(-1, 1, "A")])
def test_spans_outside_the_sentence_are_refused(entity: Entity) -> None:
    with pytest.raises(ValueError, match="within 4 tokens"):
        spans_to_tags(4, [entity])


@pytest.mark.parametrize("tag", ["", "B", "B-", "E-Loc", "o", "Loc", "BLoc"])
def test_unknown_tags_are_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="expected O, B-<type> or I-<type>"):
        tags_to_spans([tag])


def test_the_allowed_sequences_are_exactly_the_well_formed_ones() -> None:
    """Tries all 155 sequences of up to 3 tags. Well-formed sequences equal the tags of their spans."""
    start_allowed, allowed = allowed_transitions(TAGS)
    for length in (1, 2, 3):
        for path in itertools.product(range(len(TAGS)), repeat=length):
            tags = [TAGS[tag] for tag in path]
            possible = start_allowed[path[0]] and all(allowed[a, b] for a, b in itertools.pairwise(path))
            assert possible == (spans_to_tags(length, tags_to_spans(tags)) == tags), tags
