"""The fit of calibration on held-out sentences: two numbers for each task, found by search along a line."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from cman_jax.evaluation.analysis.calibration import (
    Best,
    Decisions,
    best_threshold,
    entity_decisions,
    triple_decisions,
)
from cman_jax.run.calibration import Calibration, Platt, log_odds
from cman_jax.types import Annotation, Sentence

_SCALES = np.geomspace(0.05, 5.0, 200)
_LARGEST_OFFSET = 20.0
_PRIOR = 1.0  # weight of the penalty on a scale other than 1 and an offset other than 0


def fit_calibration(gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Calibration:
    """Returns the calibration of entities and triples that fits the annotations best.

    Args:
      gold: sentences that the network was not trained on.
      annotations: the prediction for each, with probabilities that are not calibrated.
    """
    fitted = (decide(gold, annotations) for decide in (entity_decisions, triple_decisions))
    return Calibration(*(fit_platt(decided.prob, decided.right) for decided in fitted))


def fit_platt(prob: Float[np.ndarray, " decision"], right: Bool[np.ndarray, " decision"]) -> Platt:
    """Returns the scale and offset that make the decisions most probable, with a weak prior at the identity.

    The search minimises `-Σ log P(right_i) + ((scale - 1)² + offset²) / 2`. For each scale, the offset is
    found by bisection, because the derivative rises with it. Few decisions leave the identity nearly
    unchanged, and none leave it as it is.

    Args:
      prob: the probability of each decision.
      right: whether the decision is right.
    """
    if not len(prob):
        return Platt()
    logits = log_odds(prob)
    scale = _best_scale(logits, right, _SCALES)
    step = _SCALES[1] / _SCALES[0]
    scale = _best_scale(logits, right, np.geomspace(scale / step, scale * step, 41))
    return Platt(float(scale), float(_offsets(logits, right, np.array([scale]))[0]))


def tuned_threshold(decided: Decisions) -> Best:
    """Returns the threshold with the highest F1, with as few digits as keep the same decisions above it.

    Args:
      decided: all decisions, with the probabilities that the threshold is compared with.
    """
    best = best_threshold(decided)
    kept = (decided.prob > best.threshold).sum()
    for digits in range(2, 17):
        short = round(best.threshold, digits)
        if short < 1 and (decided.prob > short).sum() == kept:
            return Best(short, best.f1)
    return best


def _best_scale(
    logits: Float[np.ndarray, " decision"],
    right: Bool[np.ndarray, " decision"],
    scales: Float[np.ndarray, " scale"],
) -> float:
    """Returns the scale with the lowest penalised loss at its own best offset."""
    offsets = _offsets(logits, right, scales)
    values = scales[:, None] * logits + offsets[:, None]
    losses = np.logaddexp(0, np.where(right, -values, values)).sum(1)
    return float(scales[np.argmin(losses + _PRIOR * ((scales - 1) ** 2 + offsets**2) / 2)])


def _offsets(
    logits: Float[np.ndarray, " decision"],
    right: Bool[np.ndarray, " decision"],
    scales: Float[np.ndarray, " scale"],
) -> Float[np.ndarray, " scale"]:
    """Returns the best offset of each scale."""
    low, high = np.full(len(scales), -_LARGEST_OFFSET), np.full(len(scales), _LARGEST_OFFSET)
    for _ in range(50):
        middle = (low + high) / 2
        prob = 1 / (1 + np.exp(-(scales[:, None] * logits + middle[:, None])))
        rising = (prob - right).sum(1) + _PRIOR * middle > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    return (low + high) / 2
