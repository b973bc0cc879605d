"""Which epoch of a run is the best: the rule by which checkpoints are kept, and by which one is chosen."""

import math

NO_SCORE = -2.0
"""The rank of an epoch whose score is not a number, below all others."""

_NOTHING_TO_SCORE = -1.0
_PER_EPOCH = 1e-9  # far below any difference of scores, and far above their rounding


def rank_of(epoch: int, score: float | None) -> float:
    """Returns the rank of an epoch; the best epoch has the highest.

    The earlier of equal scores is better, also if they differ by rounding.

    Args:
      epoch: the epoch.
      score: its score on dev, at least 0. None: dev has nothing to score, and the later epoch is better.
    """
    if score is None:
        return _NOTHING_TO_SCORE + _PER_EPOCH * epoch
    return score - _PER_EPOCH * epoch if math.isfinite(score) else NO_SCORE
