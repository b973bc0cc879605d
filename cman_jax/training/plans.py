"""Which sentences share a batch, and which batch comes when: functions of data, seed and epoch alone."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from cman_jax.config import Config
from cman_jax.data.batching import Example, Plan, plan_batches

T = TypeVar("T")


def epoch_plans(examples: Sequence[Example], config: Config, epoch: int) -> list[Plan]:
    """The batches of an epoch, in the order of training; a resumed run draws the same."""
    return shuffled(drawn_plans(examples, config, epoch), epoch)


def drawn_plans(examples: Sequence[Example], config: Config, epoch: int) -> list[Plan]:
    """The batches of an epoch by rising length; the seed says which sentences share one."""
    rng = np.random.default_rng((config.training.seed, epoch))
    lengths = [len(example.word_ids) for example in examples]
    return plan_batches(lengths, config.data, config.training.batch_size, rng)


def shuffled(plans: Sequence[T], epoch: int) -> list[T]:
    """Shuffled, so that which length comes when is the same for all seeds.

    Several runs can then be stepped together; each is trained in the order that it has alone, even where one
    has some batches more, as they come last before the shuffling.
    """
    return [plans[i] for i in np.random.default_rng(epoch).random(len(plans)).argsort()]
