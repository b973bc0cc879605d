"""Scores of parts of a corpus: by sentence length, by the distance of two entities, by type, by novelty.

A slice holds the counts of each sentence (`facts.count_sentences`) for NER and RE, from which any F1 follows,
with an interval (`resampling`).
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Int

from cman_jax.data.overlap import SpanRelation
from cman_jax.data.text import from_tokens
from cman_jax.evaluation.facts import (
    Facts,
    Match,
    Overlap,
    Pair,
    Setting,
    Task,
    count_sentences,
    counted,
    pair_up,
    scored_types,
)
from cman_jax.types import Annotation, Sentence

Slice = Mapping[Task, Int[np.ndarray, "_ _ 3"]]
"""`resampling.Counts` of the tasks that the slice says something of."""


class Range(NamedTuple):
    """Whole numbers from `low` to `high`, both included; `high` None: no end."""

    low: int
    high: int | None
    name: str

    def __contains__(self, value: int) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)


def ranges(*starts: int) -> tuple[Range, ...]:
    """Ranges that begin at the given numbers, each ending where the next begins, the last without an end."""
    closed = (Range(low, after - 1, f"{low}-{after - 1}") for low, after in itertools.pairwise(starts))
    return (*closed, Range(starts[-1], None, f">={starts[-1]}"))


LENGTHS = ranges(0, 20, 35, 50)
"""Figure 5's, in tokens."""
DISTANCES = (*ranges(0, 10, 20), Range(21, None, ">20"))
"""Figure 4's, in characters. The paper gives no edges; its text says "more than 20": hence the last one."""


class Comparison(NamedTuple):
    """Gold and predictions of the same sentences under one convention."""

    sentences: Sequence[Sentence]
    pairs: Sequence[Pair]
    settings: Mapping[Task, Setting]
    types: Mapping[Task, Sequence[str]]

    def count(self, pairs: Sequence[Pair]) -> Slice:
        """The counts of those sentences or claims."""
        return {t: count_sentences(pairs, self.settings[t], self.types[t]) for t in self.settings}


def compare(
    gold: Sequence[Sentence],
    predicted: Sequence[Annotation],
    *,
    entity_types: Sequence[str],
    relation_types: Sequence[str],
    match: Match = "strict",
    other: bool = True,
    overlap: Overlap = "keep",
) -> Comparison:
    """Arguments and errors as `metrics.score`; `match` and `other` choose the convention."""
    settings = {task: Setting(task, match, other) for task in get_args(Task)}
    pairs = pair_up(
        gold, predicted, entity_types=entity_types, relation_types=relation_types, overlap=overlap
    )
    return Comparison(
        gold,
        [(counted(g, settings["re"]), counted(p, settings["re"])) for g, p in pairs],
        settings,
        {task: scored_types(setting, entity_types, relation_types) for task, setting in settings.items()},
    )


def everything(comparison: Comparison) -> Slice:
    """All sentences."""
    return comparison.count(comparison.pairs)


def by_length(comparison: Comparison, lengths: Iterable[Range] = LENGTHS) -> dict[str, Slice]:
    """The sentences of each length, in tokens (Figure 5)."""
    tokens = [len(sentence.tokens) for sentence in comparison.sentences]
    return {r.name: where(comparison, np.array([n in r for n in tokens], bool)) for r in lengths}


def by_novelty(comparison: Comparison, train: Iterable[Sentence]) -> dict[str, Slice]:
    """The sentences that do not stand in the training split, token by token, and those that do."""
    known = {sentence.tokens for sentence in train}
    new = np.array([sentence.tokens not in known for sentence in comparison.sentences], bool)
    return {"not in train": where(comparison, new), "also in train": where(comparison, ~new)}


def by_relation_type(comparison: Comparison) -> dict[str, Slice]:
    """RE alone, each type; the types of the entities do not matter."""
    counts = everything(comparison)["re"]
    return {name: {"re": counts[:, k : k + 1]} for k, name in enumerate(comparison.types["re"])}


def by_distance(comparison: Comparison, distances: Iterable[Range] = DISTANCES) -> dict[str, Slice]:
    """The relations of each distance between their entities, and the entities in them (Figure 4).

    Distance is, as in the paper, the absolute difference of the offsets of the two entities' last
    characters, in characters of the tokens joined by one space each (so two entities have a distance
    whichever comes first). A relation counts by its own distance: the gold's for recall, the prediction's
    for precision.

    The paper does not say how an entity gets a distance. Here it counts in NER wherever its span is an
    argument of a relation of that distance, in the gold or in the prediction and with whatever type: so it
    may count at several distances, an entity in no relation counts at none, and a relation that was not
    found costs NER nothing where its entities were.
    """
    ends = [[end for _, end in from_tokens(sentence).offsets] for sentence in comparison.sentences]
    return {
        r.name: comparison.count([_within(p, e, r) for p, e in zip(comparison.pairs, ends, strict=True)])
        for r in distances
    }


def _within(pair: Pair, ends: Sequence[int], distances: Range) -> Pair:
    """What remains of the claims; `ends`: of the tokens, in characters."""

    def near(relation: SpanRelation) -> bool:
        return abs(ends[relation.subject.end - 1] - ends[relation.object.end - 1]) in distances

    relations = [frozenset(filter(near, claims.relations)) for claims in pair]
    spans = {e[:2] for kept in relations for r in kept for e in (r.subject, r.object)}
    gold, predicted = (
        Facts(frozenset(e for e in claims.entities if e[:2] in spans), kept)
        for claims, kept in zip(pair, relations, strict=True)
    )
    return gold, predicted


def where(comparison: Comparison, chosen: Bool[np.ndarray, " b"]) -> Slice:
    """Some of the sentences."""
    return comparison.count([pair for pair, keep in zip(comparison.pairs, chosen, strict=True) if keep])
