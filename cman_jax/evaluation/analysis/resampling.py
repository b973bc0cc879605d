"""The certainty of scores: bootstrap intervals, and a test of the difference between two systems.

Both resample whole sentences, because the facts of one sentence depend on each other. Both start from the
counts of each sentence (`facts.count_sentences`), so a resample costs one row of a matrix product.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Num

from cman_jax.evaluation.metrics import Average

Counts = Int[np.ndarray, "b type 3"]
"""Correct, spurious and missed facts of each sentence and type."""
Totals = Num[np.ndarray, "... type 3"]
"""Correct, spurious and missed facts of each type, summed over sentences."""
Score = Float[np.ndarray, "..."] | np.float64  # NumPy makes a scalar of an array without axes
Statistic = Callable[[Totals], Score]
"""A function that computes a score from totals."""


def micro_f1(totals: Totals) -> Score:
    """Returns F1 in % of all types together; 0.0 if there are no facts, as in `PRF.f1`."""
    return _f1(totals.sum(-2))


def macro_f1(totals: Totals) -> Score:
    """Returns the mean F1 in % over the types that occur in the gold, as in `Table.macro`."""
    in_gold = totals[..., 0] + totals[..., 2] > 0
    return (_f1(totals) * in_gold).sum(-1) / np.maximum(in_gold.sum(-1), 1)


F1: Mapping[Average, Statistic] = {"micro": micro_f1, "macro": macro_f1}


def _f1(totals: Num[np.ndarray, "... 3"]) -> Score:
    """Returns F1 in % from correct, spurious and missed facts."""
    correct = 2 * totals[..., 0]
    return 100 * correct / np.maximum(correct + totals[..., 1] + totals[..., 2], 1)


class Interval(NamedTuple):
    """Both ends of an interval, in the unit of the statistic."""

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
    """Returns the percentile interval of a score over samples of as many sentences, drawn with replacement.

    Sentences without any fact take no part: they would only make some samples of a small slice empty. The
    interval shows how much the score of this trained network changes with another sample of sentences. It
    does not show how much another training run would change it. Without any fact both ends are 0.0.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, §13.3.

    Args:
      counts: the counts of each sentence and type.
      statistic: the score.
      resamples: number of samples.
      level: probability of the interval, 0 to 1.
      seed: seed of the samples.
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
    """Returns the p-value of the difference between systems a and b, by approximate randomisation.

    It is the probability of a difference at least as large, in either direction, if the systems were equal.
    Each trial exchanges the two systems' answers to each sentence with probability 1/2. If k trials are at
    least as far apart as the systems, p = (1 + k) / (1 + trials).

    Source: Noreen (1989), Computer Intensive Methods for Testing Hypotheses; Yeh (2000), COLING, §2.2.

    Args:
      a, b: counts of the same sentences and types, in the same order.
      statistic: the score.
      trials: number of trials.
      seed: seed of the exchanges.
    """
    gain = (b - a)[(a != b).any((1, 2))]  # exchanging equal answers changes nothing
    exchanged = np.random.default_rng(seed).integers(0, 2, (trials, len(gain)))
    moved = _totals(exchanged, gain)
    difference = np.abs(statistic(a.sum(0) + moved) - statistic(b.sum(0) - moved))
    observed = np.abs(statistic(a.sum(0)) - statistic(b.sum(0)))
    as_large = int((difference >= observed - 1e-9).sum())  # equal up to rounding is equal
    return (1 + as_large) / (1 + trials)


def _totals(times: Int[np.ndarray, "s b"], counts: Counts) -> Totals:
    """Returns the sums of the counts, with each sentence counted so many times.

    Floats make the products fast, and they are exact here.
    """
    return np.tensordot(times.astype(np.float64), counts.astype(np.float64), 1)
