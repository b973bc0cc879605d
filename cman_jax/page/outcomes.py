"""The comparison of two annotations of one text: facts that are correct, of a wrong type, missed or spurious.

The rule is the strict one of `evaluation.metrics`: an entity is correct if its boundaries and its type are,
and a relation if both its arguments and its type are. Entities that overlap and those of type Other count.
A fact that is claimed twice counts once.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from cman_jax.page.annotated import Annotated, Link, Mention

OUTCOMES = ("correct", "wrong type", "missed", "spurious")
"""The outcomes of facts. Of a wrong type: the other side has the same place with other types."""

RULE = (
    "Counted strictly: an entity is correct with its boundaries and its type, a relation with both arguments "
    "and its type. All types and overlapping entities count. “Wrong type” counts predictions where the gold "
    "has the same place with another type."
)

Fact = Mention | Link


class Compared(NamedTuple):
    """Gold and predicted annotation of one text, with the outcome of every fact.

    Attributes:
      gold, predicted: the two sides.
      entities, relations: the number of facts by outcome. A gold fact of a wrong type is not counted if a
        prediction is at its place.
      errors: every error that was counted, as outcome and words.
    """

    gold: Annotated
    predicted: Annotated
    entities: Counter[str]
    relations: Counter[str]
    errors: tuple[tuple[str, str], ...]


def compare(gold: Annotated, predicted: Annotated) -> Compared:
    """Returns both sides with outcomes.

    Args:
      gold: the annotation that is right.
      predicted: an annotation of the same text.
    """
    sides = []
    for own, other, alone in ((gold, predicted, "missed"), (predicted, gold, "spurious")):
        mentions = _judged(own, own.mentions, other, other.mentions, alone)
        links = _judged(own, own.links, other, other.links, alone)
        sides.append(own._replace(mentions=tuple(mentions), links=tuple(links)))
    counts, errors = [], []
    for kind in ("mentions", "links"):
        counted: Counter[str] = Counter()
        for side, outcomes in zip(sides, (("missed",), ("correct", "wrong type", "spurious")), strict=True):
            facts = {_claim(side, fact): fact for fact in getattr(side, kind)}
            counted.update(fact.outcome for fact in facts.values() if fact.outcome in outcomes)
            errors += [
                (fact.outcome, _words(side, fact, sides[0]))
                for fact in facts.values()
                if fact.outcome in outcomes and fact.outcome != "correct"
            ]
        counts.append(counted)
    return Compared(*sides, *counts, tuple(errors))


def _judged(
    own: Annotated, facts: Sequence[Fact], other: Annotated, others: Sequence[Fact], alone: str
) -> list[Fact]:
    """Returns facts with their outcomes; `alone` is the outcome of a fact at a place of its own."""
    own_claims, claims = {_claim(own, fact) for fact in facts}, {_claim(other, fact) for fact in others}
    # A correct fact explains no other: with two relations of one pair, one can be correct and one missed.
    places = {_place(other, fact) for fact in others if _claim(other, fact) not in own_claims}
    judged = []
    for fact in facts:
        wrong = "wrong type" if _place(own, fact) in places else alone
        judged.append(fact._replace(outcome="correct" if _claim(own, fact) in claims else wrong))
    return judged


def _claim(own: Annotated, fact: Fact) -> Hashable:
    """Returns everything that a correct fact shares with the gold."""
    if isinstance(fact, Mention):
        return fact[:3]
    return (own.mentions[fact.subject][:3], own.mentions[fact.object][:3], fact.type)


def _place(own: Annotated, fact: Fact) -> Hashable:
    """Returns where a fact is, without types."""
    if isinstance(fact, Mention):
        return fact[:2]
    return (own.mentions[fact.subject][:2], own.mentions[fact.object][:2])


def _words(side: Annotated, fact: Fact, gold: Annotated) -> str:
    """Returns a fact in words, and the types that the gold has at its place instead."""
    if isinstance(fact, Mention):
        words = f"{side.text[fact.start : fact.end]} [{fact.type}]"
        right = [g.type for g in gold.mentions if _place(gold, g) == _place(side, fact)]
    else:
        words = _triple(side, fact)
        right = [_triple(gold, g) for g in gold.links if _place(gold, g) == _place(side, fact)]
    return f"{words}, gold: {', '.join(dict.fromkeys(right))}" if fact.outcome == "wrong type" else words


def _triple(side: Annotated, link: Link) -> str:
    """Returns a relation in words, with the types of its arguments."""
    subject, object_ = (side.mentions[index] for index in (link.subject, link.object))
    texts = [f"{side.text[m.start : m.end]} [{m.type}]" for m in (subject, object_)]
    return f"{texts[0]} → {link.type} → {texts[1]}"
