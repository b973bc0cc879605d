"""Overlapping entity spans, which BIO tags cannot express: what training and scoring make of them.

ADE has 119 sentences with 120 overlapping pairs. Training keeps the longest span of each (`keep_longest`);
scoring follows SpERT (`drop_overlapping`), so that results compare.
"""

from typing import NamedTuple

from cman_jax.types import Annotation, Entity, Relation, Sentence


class SpanRelation(NamedTuple):
    """A relation whose arguments are written out, so that it can outlive its entities' place in a list."""

    subject: Entity
    object: Entity
    type: str


class Spans(NamedTuple):
    """Entities, and relations that may name entities outside of them."""

    entities: tuple[Entity, ...]
    relations: tuple[SpanRelation, ...]


def overlaps(a: Entity, b: Entity) -> bool:
    """Whether two different entities share a token (one span with two types overlaps itself)."""
    return a != b and a.start < b.end and b.start < a.end


def has_overlap(annotated: Sentence | Annotation) -> bool:
    """Whether any two entities share a token."""
    entities = annotated.entities
    return any(overlaps(a, b) for i, a in enumerate(entities) for b in entities[:i])


def keep_longest(sentence: Sentence) -> Sentence:
    """Of overlapping entities only the longest (of equals the leftmost, then the first listed).

    Relations that lose an argument go as well; the others' indices are renumbered. The order stays.
    """
    entities = sentence.entities
    by_preference = sorted(
        range(len(entities)), key=lambda i: (entities[i].start - entities[i].end, entities[i].start, i)
    )
    kept: list[int] = []
    for index in by_preference:
        if not any(overlaps(entities[index], entities[other]) for other in kept):
            kept.append(index)
    number = {index: position for position, index in enumerate(sorted(kept))}
    relations = tuple(
        Relation(number[subject], number[object_], relation_type)
        for subject, object_, relation_type in sentence.relations
        if subject in number and object_ in number
    )
    return sentence._replace(entities=tuple(entities[index] for index in number), relations=relations)


def drop_overlapping(annotated: Sentence | Annotation) -> Spans:
    """SpERT's scoring rule: both spans of every overlapping pair go, and relations between such a pair.

    A relation of a dropped span to any third entity stays: that is the reading which leaves 10,599 of ADE's
    10,839 entities and 6,701 of its 6,821 relations (without it, 6,582 would be left), as in SpERT's
    evaluator.py, `_remove_overlapping`. So the result cannot index its entities; it writes the arguments out.
    """
    entities = annotated.entities
    return Spans(
        tuple(a for a in entities if not any(overlaps(a, b) for b in entities)),
        tuple(
            SpanRelation(entities[subject], entities[object_], relation_type)
            for subject, object_, relation_type in annotated.relations
            if not overlaps(entities[subject], entities[object_])
        ),
    )
