"""Plans for predicting sentences longer than the last bucket, and the limit of their length in training.

Arrays that grow with the square of the tokens fit into memory for batches of the configured buckets. Longer
sentences are therefore predicted one at a time, in memory that grows with their tokens. Training needs the
scores of all pairs of tokens and their gradients, so it refuses sentences many times longer than the last
bucket.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from cman_jax.config import DataConfig
from cman_jax.data.batching import Plan, plan_batches
from cman_jax.errors import InputError
from cman_jax.types import Sentence

MOST_BUCKETS = 8
"""The greatest length of a training sentence, as a multiple of the last bucket's length."""


def plan_prediction(lengths: Sequence[int], config: DataConfig, batch_size: int) -> list[Plan]:
    """Returns plans like `plan_batches`, with a separate batch for every sentence beyond the last bucket.

    Args:
      lengths: number of tokens that each example needs, its `room`.
      config: contains the bucket lengths.
      batch_size: examples per batch of sentences within the buckets.

    Returns:
      The plans by rising length, so that the plans of single long sentences come last.
    """
    last = config.bucket_lengths[-1]
    short = [i for i, length in enumerate(lengths) if length <= last]
    long = sorted((i for i, length in enumerate(lengths) if length > last), key=lambda i: lengths[i])
    plans = plan_batches([lengths[i] for i in short], config, batch_size)
    together = [Plan(tuple(short[i] for i in plan.indices), plan.length) for plan in plans]
    return together + [Plan((i,), padded_length(lengths[i], last)) for i in long]


def padded_length(length: int, last: int) -> int:
    """Returns the smallest of 3/2, 2, 3, 4, 6, 8, ... times the last bucket that is at least `length`.

    Args:
      length: number of tokens of a sentence longer than the last bucket.
      last: length of the last bucket.
    """
    padded = 2 * last
    while padded < length:
        padded *= 2
    return padded if length > 3 * padded // 4 else 3 * padded // 4


def most_tokens(config: DataConfig) -> int:
    """Returns the greatest number of tokens of a training sentence."""
    return MOST_BUCKETS * config.bucket_lengths[-1]


def refuse_long(sentences: Sequence[Sentence], lengths: Int[np.ndarray, " s"], config: DataConfig) -> None:
    """Checks that every sentence is short enough for training.

    Args:
      sentences: the training sentences, of which only a refused one is read.
      lengths: their numbers of tokens.
      config: contains the bucket lengths.

    Raises:
      InputError: names the first sentence with too many tokens.
    """
    most = most_tokens(config)
    for index in np.flatnonzero(lengths > most):
        limit = f"{MOST_BUCKETS} times the last of config.data.bucket_lengths"
        raise InputError(
            f"sentence {sentences[int(index)].id!r} of the training data",
            None,
            f"{lengths[index]} tokens",
            f"at most {most}, {limit}: split the sentence, or add a longer bucket",
        )
