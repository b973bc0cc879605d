"""The facts that annotations claim, and how many claimed facts are right: the counts behind all scores.

A gold fact or a prediction counts once, however often it is repeated. The direction of a relation matters.
`metrics` explains the conventions.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int

from cman_jax.data.overlap import SpanRelation, drop_overlapping
from cman_jax.data.vocab import check_types
from cman_jax.types import Annotation, Entity, Sentence

OTHER = "Other"
ANY = "(any)"  # the only entity type if entity types are ignored

Task = Literal["ner", "re"]
Match = Literal["strict", "boundaries"]
Overlap = Literal["keep", "drop"]


class Setting(NamedTuple):
    """The convention that one table is counted under.

    Attributes:
      task: "ner" for entities, "re" for relations.
      match: "strict" or "boundaries".
      other: whether entities of type Other count.
    """

    task: Task
    match: Match
    other: bool


class Facts(NamedTuple):
    """The entities and relations that are claimed of one sentence, without order, indices and duplicates."""

    entities: frozenset[Entity]
    relations: frozenset[SpanRelation]


Pair = tuple[Facts, Facts]
"""The facts of the gold and of a system for one sentence."""
Key = tuple[str | int, ...]
"""The type that a fact is counted under, and the rest that identifies the fact."""


def facts(annotated: Sentence | Annotation, overlap: Overlap = "keep") -> Facts:
    """Returns the entities and relations of an annotation as sets.

    Args:
      annotated: the annotation.
      overlap: as in `metrics.score`.
    """
    if overlap == "drop":
        kept = drop_overlapping(annotated)
        return Facts(frozenset(kept.entities), frozenset(kept.relations))
    entities = annotated.entities
    relations = (SpanRelation(entities[r.subject], entities[r.object], r.type) for r in annotated.relations)
    return Facts(frozenset(entities), frozenset(relations))


def pair_up(
    gold: Sequence[Sentence],
    predicted: Sequence[Annotation],
    *,
    entity_types: Sequence[str],
    relation_types: Sequence[str],
    overlap: Overlap = "keep",
) -> list[Pair]:
    """Returns the facts of the gold and of the system, sentence by sentence.

    Arguments and errors are those of `metrics.score`.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"{len(gold)} gold sentences but {len(predicted)} predictions; one each is needed")
    for sentence, annotation in zip(gold, predicted, strict=True):
        check_types(sentence, entity_types, relation_types, f"the gold of sentence {sentence.id}")
        check_types(annotation, entity_types, relation_types, f"the prediction for sentence {sentence.id}")
    return [(facts(g, overlap), facts(p, overlap)) for g, p in zip(gold, predicted, strict=True)]


def scored_types(
    setting: Setting, entity_types: Sequence[str], relation_types: Sequence[str]
) -> tuple[str, ...]:
    """Returns the types that facts are counted under, which are the rows of a table.

    Args:
      setting: the convention.
      entity_types: all entity types.
      relation_types: all relation types.
    """
    if setting.task == "re":
        return tuple(relation_types)
    if setting.match == "boundaries":
        return (ANY,)
    return tuple(name for name in entity_types if setting.other or name != OTHER)


def count_sentences(
    pairs: Sequence[Pair], setting: Setting, types: Sequence[str]
) -> Int[np.ndarray, "b type 3"]:
    """Returns the numbers of correct, spurious and missed facts of each sentence and type, as in `PRF`.

    Args:
      pairs: the facts of the gold and of the system for each sentence.
      setting: the convention.
      types: the result of `scored_types`.
    """
    column = {name: k for k, name in enumerate(types)}
    counts = np.zeros((len(pairs), len(types), 3), int)
    for row, pair in zip(counts, pairs, strict=True):
        wanted, found = (_keys(claims, setting) for claims in pair)
        for outcome, keys in enumerate((wanted & found, found - wanted, wanted - found)):
            for name, *_ in keys:
                row[column[name], outcome] += 1
    return counts


def counted(claims: Facts, setting: Setting) -> Facts:
    """Returns the facts without those that the setting leaves out.

    Args:
      claims: the facts.
      setting: the convention.
    """
    if setting.other:
        return claims
    return Facts(
        frozenset(e for e in claims.entities if e.type != OTHER),
        frozenset(r for r in claims.relations if OTHER not in (r.subject.type, r.object.type)),
    )


def key(claim: Entity | SpanRelation, match: Match) -> Key:
    """Returns the part of a fact that a right prediction must share with the gold.

    Args:
      claim: the entity or relation.
      match: "strict" or "boundaries".
    """
    if isinstance(claim, Entity):
        return (claim.type if match == "strict" else ANY, claim.start, claim.end)
    width = 3 if match == "strict" else 2
    return (claim.type, *claim.subject[:width], *claim.object[:width])


def _keys(claims: Facts, setting: Setting) -> set[Key]:
    """Returns the keys of all facts that the setting counts."""
    kept = counted(claims, setting)
    return {
        key(claim, setting.match) for claim in (kept.entities if setting.task == "ner" else kept.relations)
    }
