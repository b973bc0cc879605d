"""Confusions: which types are predicted instead of which, and which facts are missed or invented."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

from cman_jax.evaluation.analysis.slices import Comparison
from cman_jax.evaluation.facts import Facts, Task

EXAMPLES = 3


class Confusion(NamedTuple):
    """One kind of error.

    Attributes:
      gold: the type in the gold; None: the prediction is invented.
      predicted: the predicted type; None: the gold fact is missed.
      count: number of such errors.
      examples: ids of the first sentences with such an error.
    """

    gold: str | None
    predicted: str | None
    count: int
    examples: tuple[str, ...]


def confusions(comparison: Comparison, task: Task) -> list[Confusion]:
    """Returns the kinds of errors, the most frequent first.

    Entities have the same place if their boundaries agree. Relations have the same place if the boundaries of
    both arguments and the direction agree; the types of the arguments do not count. Right types are removed
    first. If a place still has types in the gold and in the prediction, each is confused with another.

    Args:
      comparison: the gold and the predictions.
      task: "ner" or "re".
    """
    found: dict[tuple[str | None, str | None], list[str]] = defaultdict(list)
    for sentence, (gold, predicted) in zip(comparison.sentences, comparison.pairs, strict=True):
        wanted, claimed = _types_by_place(gold, task), _types_by_place(predicted, task)
        for place in sorted(wanted.keys() | claimed.keys()):
            missed, invented = wanted[place] - claimed[place], claimed[place] - wanted[place]
            for mistake in zip_longest(sorted(missed), sorted(invented)):
                found[mistake].append(sentence.id)
    kinds = (Confusion(*kind, len(ids), tuple(dict.fromkeys(ids))[:EXAMPLES]) for kind, ids in found.items())
    return sorted(kinds, key=lambda c: (-c.count, c.gold or "", c.predicted or ""))


def agreements(comparison: Comparison, task: Task) -> dict[str, int]:
    """Returns how often each type is predicted where the gold has it, by the places of `confusions`.

    Args:
      comparison: the gold and the predictions.
      task: "ner" or "re".
    """
    counts: Counter[str] = Counter()
    for gold, predicted in comparison.pairs:
        wanted, claimed = _types_by_place(gold, task), _types_by_place(predicted, task)
        counts.update(name for place in wanted for name in wanted[place] & claimed[place])
    return dict(sorted(counts.items()))


def _types_by_place(claims: Facts, task: Task) -> defaultdict[tuple[int, ...], set[str]]:
    """Returns the types of the claimed facts by their place."""
    places: Iterable[tuple[tuple[int, ...], str]]
    if task == "ner":
        places = ((e[:2], e.type) for e in claims.entities)
    else:
        places = (((*r.subject[:2], *r.object[:2]), r.type) for r in claims.relations)
    types: defaultdict[tuple[int, ...], set[str]] = defaultdict(set)
    for place, name in places:
        types[place].add(name)
    return types
