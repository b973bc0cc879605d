"""The batches of an epoch and their order, which depend only on the sentences' lengths, seed and epoch."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from cman_jax.config import Config
from cman_jax.data.batching import Lengths, Plan, plan_batches

T = TypeVar("T")


def epoch_plans(lengths: Lengths, config: Config, epoch: int) -> list[Plan]:
    """Returns the batches of an epoch in the order of training; a resumed run draws the same batches.

    Args:
      lengths: the number of tokens that each training example needs, its `room`.
      config: contains the seed, the batch size and the buckets.
      epoch: the epoch's number.
    """
    return shuffled(drawn_plans(lengths, config, epoch), epoch)


def drawn_plans(lengths: Lengths, config: Config, epoch: int) -> list[Plan]:
    """Returns the batches of an epoch by rising length; the seed decides which sentences share a batch.

    Args:
      lengths: the number of tokens that each training example needs, its `room`.
      config: contains the seed, the batch size and the buckets.
      epoch: the epoch's number.
    """
    rng = np.random.default_rng((config.training.seed, epoch))
    return plan_batches(lengths, config.data, config.training.batch_size, rng)


def shuffled(plans: Sequence[T], epoch: int) -> list[T]:
    """Returns the batches in a random order of lengths that is the same for all seeds.

    Several runs can then take their steps together, and each run is trained in the same order as separately.
    This holds even if one run has more batches, because the additional batches come last before the
    shuffling.

    Args:
      plans: the batches by rising length.
      epoch: the epoch's number.
    """
    return [plans[i] for i in np.random.default_rng(epoch).random(len(plans)).argsort()]
