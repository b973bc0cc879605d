"""Summary statistics of repeated measurements."""

import math
import statistics
from collections.abc import Sequence


def summary(values: Sequence[float]) -> dict[str, float]:
    """Returns the median, the minimum and the maximum, under the keys "median", "min" and "max".

    Args:
      values: at least one measurement.
    """
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def pairwise_ratios(theirs: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Returns the summary of theirs / ours, computed pair by pair.

    A disturbance of the machine slows both measurements of a pair, so that it cancels in their ratio.

    Args:
      theirs: measurements of the other framework.
      ours: measurements of JAX, in the same order.

    Raises:
      ValueError: the two lists differ in length.
    """
    return summary([a / b for a, b in zip(theirs, ours, strict=True)])


def geometric_mean(values: Sequence[float]) -> float:
    """Returns the geometric mean; a ratio x and its inverse 1/x cancel in it.

    Args:
      values: positive numbers, at least one.
    """
    return math.exp(statistics.fmean(math.log(value) for value in values))
