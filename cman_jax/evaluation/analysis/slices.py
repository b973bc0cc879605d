"""Scores of parts of a corpus: by sentence length, distance of two entities, relation type, and novelty.

A slice contains the counts of each sentence (`facts.count_sentences`) for NER and RE. Every F1 follows from
these counts, with an interval (`resampling`).
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Int

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
"""`resampling.Counts` of each task that the slice covers."""


class Range(NamedTuple):
    """The whole numbers from `low` to `high`, both included.

    Attributes:
      low: the smallest number.
      high: the largest number; None: no largest number.
      name: the range in words.
    """

    low: int
    high: int | None
    name: str

    def __contains__(self, value: int) -> bool:
        """Returns whether the number lies in the range."""
        return self.low <= value and (self.high is None or value <= self.high)


def ranges(*starts: int) -> tuple[Range, ...]:
    """Returns ranges that begin at these numbers.

    Each range ends before the next one begins; the last range has no end.

    Args:
      starts: the first numbers, rising.
    """
    closed = (Range(low, after - 1, f"{low}-{after - 1}") for low, after in itertools.pairwise(starts))
    return (*closed, Range(starts[-1], None, f">={starts[-1]}"))


LENGTHS = ranges(0, 20, 35, 50)
"""The ranges of Figure 5, in tokens."""
DISTANCES = (*ranges(0, 10, 20), Range(21, None, ">20"))
"""The ranges of Figure 4, in characters. The paper prints no edges; its text mentions "more than 20"."""


class Comparison(NamedTuple):
    """The gold and the predictions of the same sentences under one convention.

    Attributes:
      sentences: the annotated sentences.
      pairs: the facts of the gold and of the system for each sentence.
      settings: the convention of each task.
      types: the types that each task counts.
    """

    sentences: Sequence[Sentence]
    pairs: Sequence[Pair]
    settings: Mapping[Task, Setting]
    types: Mapping[Task, Sequence[str]]

    def count(self, pairs: Sequence[Pair]) -> Slice:
        """Returns the counts of these pairs of facts."""
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
    """Returns the comparison of gold and predictions.

    Arguments and errors are those of `metrics.score`; `match` and `other` choose the convention.
    """
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
    """Returns the slice with all sentences."""
    return comparison.count(comparison.pairs)


def by_length(comparison: Comparison, lengths: Iterable[Range] = LENGTHS) -> dict[str, Slice]:
    """Returns the sentences of each length, in tokens (Figure 5).

    Args:
      comparison: the gold and the predictions.
      lengths: the ranges of lengths.
    """
    tokens = [len(sentence.tokens) for sentence in comparison.sentences]
    return {r.name: where(comparison, np.array([n in r for n in tokens], bool)) for r in lengths}


def by_novelty(comparison: Comparison, train: Iterable[Sentence]) -> dict[str, Slice]:
    """Returns the sentences that are not in the training split, token by token, and those that are.

    Args:
      comparison: the gold and the predictions.
      train: the training sentences.
    """
    scored = {sentence.tokens for sentence in comparison.sentences}
    known = {sentence.tokens for sentence in train if sentence.tokens in scored}
    new = np.array([sentence.tokens not in known for sentence in comparison.sentences], bool)
    return {"not in train": where(comparison, new), "also in train": where(comparison, ~new)}


def by_relation_type(comparison: Comparison) -> dict[str, Slice]:
    """Returns a slice for each relation type, for RE only; entity types of its arguments do not matter."""
    counts = everything(comparison)["re"]
    return {name: {"re": counts[:, k : k + 1]} for k, name in enumerate(comparison.types["re"])}


def by_distance(comparison: Comparison, distances: Iterable[Range] = DISTANCES) -> dict[str, Slice]:
    """Returns the relations of each distance between their entities, and the entities in them (Figure 4).

    Distance is, as in the paper, the absolute difference of the offsets of the two entities' last characters.
    Offsets count the characters of the tokens joined by one space each, so two entities have a distance
    whichever comes first. A relation counts by its own distance: the gold's for recall, the prediction's for
    precision.

    The paper does not define the distance of an entity. Here an entity counts in NER if its span is an
    argument of a relation of that distance. The relation may be in the gold or in the prediction, and the
    entity may have any type. So an entity may count at several distances, and an entity without a relation
    counts at no distance. A relation that was not found costs NER nothing if its entities were found.

    Args:
      comparison: the gold and the predictions.
      distances: the ranges of distances.
    """
    ends = [[end for _, end in from_tokens(sentence).offsets] for sentence in comparison.sentences]
    return {
        r.name: comparison.count([_within(p, e, r) for p, e in zip(comparison.pairs, ends, strict=True)])
        for r in distances
    }


def _within(pair: Pair, ends: Sequence[int], distances: Range) -> Pair:
    """Returns the facts whose distance lies in the range.

    Args:
      pair: the facts of the gold and of the system for one sentence.
      ends: end of each token, in characters.
      distances: the range.
    """
    relations = [
        frozenset(
            r for r in claims.relations if abs(ends[r.subject.end - 1] - ends[r.object.end - 1]) in distances
        )
        for claims in pair
    ]
    spans = {e[:2] for kept in relations for r in kept for e in (r.subject, r.object)}
    gold, predicted = (
        Facts(frozenset(e for e in claims.entities if e[:2] in spans), kept)
        for claims, kept in zip(pair, relations, strict=True)
    )
    return gold, predicted


def where(comparison: Comparison, chosen: Bool[np.ndarray, " b"]) -> Slice:
    """Returns the slice with the chosen sentences.

    Args:
      comparison: the gold and the predictions.
      chosen: whether each sentence belongs to the slice.
    """
    return comparison.count([pair for pair, keep in zip(comparison.pairs, chosen, strict=True) if keep])
