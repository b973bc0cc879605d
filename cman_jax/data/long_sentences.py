"""Sentences beyond the last bucket: how prediction plans them, and how long they may be in training.

Everything that grows with the square of the tokens fits memory for a batch of the configured buckets. Longer
sentences are therefore predicted alone, in memory that grows with their tokens. Training needs the scores of
all pairs of tokens and their gradient, so it refuses what is many times longer than the last bucket.
"""

from collections.abc import Sequence

from cman_jax.config import DataConfig
from cman_jax.data.batching import Plan, plan_batches
from cman_jax.errors import InputError
from cman_jax.types import Sentence

MOST_BUCKETS = 8
"""A sentence of training data has at most so many times the tokens of the last bucket."""


def plan_prediction(lengths: Sequence[int], config: DataConfig, batch_size: int) -> list[Plan]:
    """Plans examples as `plan_batches`, but gives every sentence beyond the last bucket a batch of its own.

    Returns:
      By rising length; those of single long sentences come last.
    """
    last = config.bucket_lengths[-1]
    short = [i for i, length in enumerate(lengths) if length <= last]
    long = sorted((i for i, length in enumerate(lengths) if length > last), key=lambda i: lengths[i])
    plans = plan_batches([lengths[i] for i in short], config, batch_size)
    together = [Plan(tuple(short[i] for i in plan.indices), plan.length) for plan in plans]
    return together + [Plan((i,), padded_length(lengths[i], last)) for i in long]


def padded_length(length: int, last: int) -> int:
    """The least of 3/2, 2, 3, 4, 6, 8, ... times the last bucket that is no smaller."""
    padded = 2 * last
    while padded < length:
        padded *= 2
    return padded if length > 3 * padded // 4 else 3 * padded // 4


def refuse_long(sentences: Sequence[Sentence], config: DataConfig) -> None:
    """Checks that training can hold every sentence.

    Raises:
      InputError: names the first sentence with too many tokens.
    """
    most = MOST_BUCKETS * config.bucket_lengths[-1]
    for sentence in sentences:
        if len(sentence.tokens) > most:
            limit = f"{MOST_BUCKETS} times the last of config.data.bucket_lengths"
            raise InputError(
                f"sentence {sentence.id!r} of the training data",
                None,
                f"{len(sentence.tokens)} tokens",
                f"at most {most}, {limit}: split the sentence, or give a longer bucket",
            )
