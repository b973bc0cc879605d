"""Numbers that stand for many measurements."""

import math
import statistics
from collections.abc import Sequence


def summary(values: Sequence[float]) -> dict[str, float]:
    """`{"median", "min", "max"}`."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def pairwise_ratios(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Summary of theirs / ours, pair by pair: what slows the machine for a while slows both of a pair.

    Raises:
      ValueError: not as many of the one as of the other.
    """
    return summary([a / b for a, b in zip(theirs, ours, strict=True)])


def geometric_mean(values: Sequence[float]) -> float:
    """The mean of ratios under which x and 1/x cancel."""
    return math.exp(statistics.fmean(math.log(value) for value in values))
