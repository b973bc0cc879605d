"""What is taken for what where the places agree, and what is missed or invented altogether."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

from cman_jax.evaluation.analysis.slices import Comparison
from cman_jax.evaluation.facts import Facts, Task

EXAMPLES = 3


class Confusion(NamedTuple):
    """One kind of error; no gold type: invented; no predicted type: missed."""

    gold: str | None
    predicted: str | None
    count: int
    examples: tuple[str, ...]  # ids of the first sentences that have it


def confusions(comparison: Comparison, task: Task) -> list[Confusion]:
    """Kinds of errors, the most frequent first.

    Entities are in the same place if their boundaries agree, relations if both arguments' boundaries and the
    direction do; the types of a relation's arguments are the entities' matter. Right types are taken away
    first; where a place still has types in the gold and in the prediction, each is taken for another.
    """
    found: dict[tuple[str | None, str | None], list[str]] = defaultdict(list)
    for sentence, (gold, predicted) in zip(comparison.sentences, comparison.pairs, strict=True):
        wanted, said = _types_by_place(gold, task), _types_by_place(predicted, task)
        for place in sorted(wanted.keys() | said.keys()):
            missed, invented = wanted[place] - said[place], said[place] - wanted[place]
            for mistake in zip_longest(sorted(missed), sorted(invented)):
                found[mistake].append(sentence.id)
    kinds = (Confusion(*kind, len(ids), tuple(dict.fromkeys(ids))[:EXAMPLES]) for kind, ids in found.items())
    return sorted(kinds, key=lambda c: (-c.count, c.gold or "", c.predicted or ""))


def _types_by_place(claims: Facts, task: Task) -> defaultdict[tuple[int, ...], set[str]]:
    places: Iterable[tuple[tuple[int, ...], str]]
    if task == "ner":
        places = ((e[:2], e.type) for e in claims.entities)
    else:
        places = (((*r.subject[:2], *r.object[:2]), r.type) for r in claims.relations)
    types: defaultdict[tuple[int, ...], set[str]] = defaultdict(set)
    for place, name in places:
        types[place].add(name)
    return types
