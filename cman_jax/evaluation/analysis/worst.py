"""The sentences that a system gets most wrong."""

import numpy as np

from cman_jax.evaluation.analysis.slices import Comparison, everything


def worst_sentences(comparison: Comparison, most: int = 20) -> list[int]:
    """Returns the indices of the sentences with the most spurious and missed facts, the worst first.

    Entities and relations count alike; of equals, the first come first. Sentences without an error are left
    out.

    Args:
      comparison: the gold and the predictions.
      most: how many sentences to return at most.
    """
    wrong = sum(counts[..., 1:].sum((1, 2)) for counts in everything(comparison).values())
    order = np.argsort(-wrong, kind="stable")[:most]
    return [int(index) for index in order if wrong[index]]
