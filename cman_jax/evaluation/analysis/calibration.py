"""The quality of probabilities: reliability, and precision and recall over the threshold.

Everything here is about single decisions: does this pair of predicted entities have this relation? Curves
need annotations at threshold 0, which contain every candidate (`Extractor.as_configured(...,
threshold=0.0)`). Probabilities of whole triples, and of entities, are judged on a system's answers.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from cman_jax.data.overlap import SpanRelation
from cman_jax.evaluation.analysis.slices import Comparison
from cman_jax.evaluation.facts import facts, key
from cman_jax.types import Annotation, Sentence


class Decisions(NamedTuple):
    """All decisions with a probability above 0: an ordered pair of predicted entities and a relation type.

    Attributes:
      prob: probability of each decision's relation.
      right: whether the relation is in the gold.
      gold: number of relations in the gold, including those between entities that were not found.
    """

    prob: Float[np.ndarray, " decision"]
    right: Bool[np.ndarray, " decision"]
    gold: int


def above(annotation: Annotation, thresholds: Mapping[str, float]) -> Annotation:
    """Returns the annotation with only the relations above their thresholds, as `decode` keeps them.

    Args:
      annotation: the annotation.
      thresholds: by relation type, the probability that a relation must exceed.
    """
    found = zip(annotation.relations, annotation.relation_prob, strict=True)
    return annotation.with_relations(
        [i for i, (relation, prob) in enumerate(found) if prob > thresholds[relation.type]]
    )


def decisions(
    comparison: Comparison, candidates: Sequence[Annotation], relation_type: str | None = None
) -> Decisions:
    """Returns all decisions about relations.

    Args:
      comparison: the comparison of the candidates with the gold.
      candidates: annotations at threshold 0.
      relation_type: the only type that counts; None: all types count.
    """
    match = comparison.settings["re"].match
    prob, right, gold = [], [], 0
    for (wanted, claims), annotation in zip(comparison.pairs, candidates, strict=True):
        keys = {key(each, match) for each in wanted.relations if relation_type in (None, each.type)}
        gold += len(keys)
        for relation, p in zip(annotation.relations, annotation.relation_prob, strict=True):
            subject, object_ = annotation.entities[relation.subject], annotation.entities[relation.object]
            claim = SpanRelation(subject, object_, relation.type)
            counts = claim in claims.relations  # the convention may leave it out
            if counts and relation_type in (None, relation.type):
                prob.append(p)
                right.append(key(claim, match) in keys)
    return Decisions(np.array(prob, float), np.array(right, bool), gold)


def triple_decisions(gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Decisions:
    """Returns the predicted triples with the probability of each whole triple.

    A triple is right if its type, and the boundaries and types of both entities, are in the gold.

    Args:
      gold: the annotated sentences.
      annotations: the prediction for each.
    """
    pairs = [(facts(sentence).relations, found) for sentence, found in zip(gold, annotations, strict=True)]
    prob = [p for _, found in pairs for p in found.triple_prob]
    right = [
        SpanRelation(found.entities[r.subject], found.entities[r.object], r.type) in wanted
        for wanted, found in pairs
        for r in found.relations
    ]
    return Decisions(np.array(prob, float), np.array(right, bool), sum(len(wanted) for wanted, _ in pairs))


def entity_decisions(gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Decisions:
    """Returns the predicted entities with their probabilities; the right ones have a gold span and type.

    Args:
      gold: the annotated sentences.
      annotations: the prediction for each.
    """
    pairs = [(facts(sentence).entities, found) for sentence, found in zip(gold, annotations, strict=True)]
    prob = [p for _, found in pairs for p in found.entity_prob]
    right = [entity in wanted for wanted, found in pairs for entity in found.entities]
    return Decisions(np.array(prob, float), np.array(right, bool), sum(len(wanted) for wanted, _ in pairs))


class Bin(NamedTuple):
    """The decisions with a probability above `low` and up to `high`.

    Attributes:
      low, high: the ends of the bin.
      count: number of decisions.
      mean_prob: mean probability; 0.0 without decisions.
      share_right: share of right decisions, 0 to 1; 0.0 without decisions.
    """

    low: float
    high: float
    count: int
    mean_prob: float
    share_right: float


def reliability(decided: Decisions, bins: int = 10) -> list[Bin]:
    """Returns bins of equal width.

    Probabilities are calibrated if the mean of each bin equals its share of right decisions.

    Args:
      decided: the decisions.
      bins: number of bins.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, decided.prob, side="left") - 1, 0, None)
    counts, probs, rights = (
        np.bincount(place, weights, bins) for weights in (None, decided.prob, decided.right)
    )
    size = np.maximum(counts, 1)
    rows = zip(edges, edges[1:], counts, probs / size, rights / size, strict=False)
    return [Bin(float(a), float(b), int(c), float(p), float(r)) for a, b, c, p, r in rows]


def equal_mass(decided: Decisions, bins: int = 15) -> list[Bin]:
    """Returns bins that contain equally many decisions, up to one.

    The decisions are sorted by probability, the earlier of equals first, and cut into consecutive bins; the
    first bins have one decision more where the number is not a multiple. A bin without decisions is left out.

    Source: Nguyen and O'Connor (2015), EMNLP.

    Args:
      decided: the decisions.
      bins: number of bins.
    """
    order = np.argsort(decided.prob, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    probs = [decided.prob[part] for part in parts]
    low = [0.0, *(float(prob[-1]) for prob in probs)][: len(probs)]
    return [
        Bin(lower, float(prob[-1]), len(part), float(prob.mean()), float(decided.right[part].mean()))
        for lower, prob, part in zip(low, probs, parts, strict=True)
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Returns the expected calibration error, 0 to 1: the mean distance of a bin's mean from its share.

    The mean is taken over all decisions. Most candidates are easily refused, which makes the error small; the
    bins show the other candidates.

    Source: Naeini et al. (2015), AAAI; Guo et al. (2017), ICML, Eq. 3.

    Args:
      bins: the result of `reliability` or `equal_mass`.
    """
    total = sum(b.count for b in bins)
    return sum(b.count * abs(b.mean_prob - b.share_right) for b in bins) / max(total, 1)


class Curve(NamedTuple):
    """Precision and recall, 0 to 1, when all decisions from a probability upwards are accepted.

    The curve has a point at the probability of each right decision, from the highest probability down.
    Between two points recall does not change and precision only falls.

    Attributes:
      prob: the lowest accepted probability at each point.
      precision, recall: the scores at each point.
    """

    prob: Float[np.ndarray, " point"]
    precision: Float[np.ndarray, " point"]
    recall: Float[np.ndarray, " point"]

    @property
    def average_precision(self) -> float:
        """Returns the mean precision over recall, Σ (R_i - R_{i-1}) P_i.

        A gold relation that is not among the candidates counts as 0.
        """
        return float((np.diff(self.recall, prepend=0.0) * self.precision).sum())

    @property
    def f1(self) -> Float[np.ndarray, " point"]:
        """Returns F1 at each point, 0 to 1."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def precision_recall(decided: Decisions) -> Curve:
    """Returns the curve of precision and recall; equal probabilities are accepted together.

    Args:
      decided: the decisions.
    """
    order = np.argsort(-decided.prob, kind="stable")
    prob, right = decided.prob[order], decided.right[order]
    accepted = np.searchsorted(-prob, -np.unique(prob[right])[::-1], side="right")
    correct = np.cumsum(right)[accepted - 1]
    return Curve(prob[accepted - 1], correct / accepted, correct / max(decided.gold, 1))


class Best(NamedTuple):
    """The threshold of the highest F1, and that F1 in %."""

    threshold: float
    f1: float


def best_threshold(decided: Decisions) -> Best:
    """Returns the threshold with the highest F1; of equals, the highest threshold.

    The threshold lies half way to the next lower candidate, so that rounding does not matter. If no decision
    is right, it is 1.0, with F1 0.0.

    Args:
      decided: the decisions.
    """
    curve = precision_recall(decided)
    if not len(curve.prob):
        return Best(1.0, 0.0)
    at = int(curve.f1.argmax())
    lowest = curve.prob[at]
    below = decided.prob[decided.prob < lowest].max(initial=0.0)
    return Best(float((lowest + below) / 2), 100 * float(curve.f1[at]))
