"""How sure a score is: bootstrap intervals, and a test of the difference between two systems.

Both resample whole sentences, for facts of one sentence stand and fall together, and both start from the
counts of each sentence (`facts.count_sentences`), so that a resample costs one row of a matrix product.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from cman_jax.evaluation.metrics import Average

Counts = Int[np.ndarray, "b type 3"]
"""Correct, spurious and missed facts of each sentence and type."""
Totals = Num[np.ndarray, "... type 3"]
"""The same, summed over sentences."""
Score = Float[np.ndarray, "..."] | np.float64  # NumPy makes a scalar of an array without axes
Statistic = Callable[[Totals], Score]
"""A score of totals."""


def micro_f1(totals: Totals) -> Score:
    """F1 in % of all types together; 0.0 where there is nothing at all, as `PRF.f1`."""
    return _f1(totals.sum(-2))


def macro_f1(totals: Totals) -> Score:
    """The mean F1 in % over the types that stand in the gold, as `Table.macro`."""
    in_gold = totals[..., 0] + totals[..., 2] > 0
    return (_f1(totals) * in_gold).sum(-1) / np.maximum(in_gold.sum(-1), 1)


F1: Mapping[Average, Statistic] = {"micro": micro_f1, "macro": macro_f1}


def _f1(totals: Num[np.ndarray, "... 3"]) -> Score:
    correct = 2 * totals[..., 0]
    return 100 * correct / np.maximum(correct + totals[..., 1] + totals[..., 2], 1)


class Interval(NamedTuple):
    """Both ends, in the unit of the statistic."""

    low: float
    high: float


def bootstrap(
    counts: Counts,
    statistic: Statistic = micro_f1,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile interval of a score over samples of as many sentences, drawn with replacement.

    Sentences without any fact take no part: they would only leave some samples of a small slice empty.
    It says how far another sample of sentences would move the score of this one trained network; what
    another training run would give is a different question. Without any fact both ends are 0.0.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, §13.3.
    """
    counts = counts[counts.any((1, 2))]
    size = len(counts)
    if not size:
        return Interval(0.0, 0.0)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), resamples)
    tail = 50 * (1 - level)
    low, high = np.percentile(statistic(_totals(drawn, counts)), [tail, 100 - tail])
    return Interval(float(low), float(high))


def randomisation_test(
    a: Counts, b: Counts, statistic: Statistic = micro_f1, *, trials: int = 9999, seed: int = 0
) -> float:
    """Probability of a difference as large as that of systems a and b, in either direction, were they equal.

    The approximate randomisation test: each trial exchanges the two systems' answers to each sentence with
    probability 1/2; with k trials at least as far apart as the systems, p = (1 + k) / (1 + trials).

    Args:
      a, b: of the same sentences and types, in the same order.

    Source: Noreen (1989), Computer Intensive Methods for Testing Hypotheses; Yeh (2000), COLING, §2.2.
    """
    gain = (b - a)[(a != b).any((1, 2))]  # exchanging equal answers changes nothing
    exchanged = np.random.default_rng(seed).integers(0, 2, (trials, len(gain)))
    moved = _totals(exchanged, gain)
    difference = np.abs(statistic(a.sum(0) + moved) - statistic(b.sum(0) - moved))
    observed = np.abs(statistic(a.sum(0)) - statistic(b.sum(0)))
    as_large = int((difference >= observed - 1e-9).sum())  # equal up to rounding is equal
    return (1 + as_large) / (1 + trials)


def _totals(times: Int[np.ndarray, "s b"], counts: Counts) -> Totals:
    """The counts of each sentence so many times; in floats, whose products are fast and here exact."""
    return np.tensordot(times.astype(np.float64), counts.astype(np.float64), 1)
