"""A trained network on some sentences: in the library, padded, and in the independent network."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from cman_jax.config import TrainingConfig
from cman_jax.data.batching import Example
from cman_jax.model.cman import CMAN
from cman_jax.training.step import Metrics
from cman_jax.types import Batch, Params, Potentials
from tests import trained
from tests.builders import precision
from tests.independent.training import Independent
from tests.observed import ObservedStep

TRAINING = TrainingConfig(learning_rate=1e-3, clip_norm=5.0, alpha=0.01)
LENGTH, BATCH_SIZE = 16, 4  # every sentence is shorter, and the last row is empty
_TOKENS = 14  # of each sentence; the independent network is compiled for every length


class Ours(NamedTuple):
    """The library's results for a batch."""

    potentials: Potentials
    metrics: Metrics
    eta: Any
    gradient: Params


class Case:
    """A trained network.

    Attributes:
      config: the network's config.
      model: the library's network.
      params: the trained parameters.
      independent: the independent network.
      members: the sentences of the first batch.
    """

    def __init__(self, name: str):
        self.config, self.params = trained.CASES[name], trained.load(name)
        found = [s for s in trained.sentences() if len(s.tokens) == _TOKENS]
        found.sort(key=lambda sentence: -len(sentence.relations))
        self._pool = trained.examples(self.config, found)
        self.members = self.batches(1)[0]
        self.model = CMAN(self.config, trained.sizes_of(self.config))
        self.independent = Independent(self.config, TRAINING, self.model.sizes)
        self.step_of = functools.cache(self._step)

    def batches(self, number: int) -> list[list[Example]]:
        """Returns batches of three sentences each."""
        endless = itertools.cycle(self._pool)
        return [list(itertools.islice(endless, BATCH_SIZE - 1)) for _ in range(number)]

    def padded(self, members: Sequence[Example]) -> Batch:
        """Returns the sentences as a padded batch of the library."""
        return trained.batch(self.config, members, LENGTH, BATCH_SIZE)

    def ours(self, params: Params, dtype: type) -> Ours:
        """Returns the library's results for `members`, in a precision."""
        with precision(dtype):
            step = self.step_of(dtype)
            step.restart(cast(params, dtype))
            metrics, eta = step(self.padded(self.members))
            return Ours(step.potentials, metrics, eta, step.gradients)

    def descended(self, params: Params, number: int, dtype: type) -> Params:
        """Returns the parameters after a step on each of `number` batches."""
        with precision(dtype):
            step = self.step_of(dtype)
            step.restart(cast(params, dtype))
            for members in self.batches(number):
                step(self.padded(members))
            return jax.device_get(step.state.params)

    def _step(self, dtype: type) -> ObservedStep:
        """Returns the observed step in a precision."""
        return ObservedStep(self.model, cast(self.params, dtype), {}, TRAINING)


def cast(params: Params, dtype: type) -> Params:
    """Returns the parameters in a precision."""
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype), params)


case_of = functools.cache(Case)
"""Returns the case of a name, which is compiled once in a process."""


def error(actual: Any, expected: Any) -> float:
    """Returns the largest difference, as a share of the largest expected entry."""
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def distance(actual: Any, expected: Any) -> float:
    """Returns the norm of the difference, as a share of the expected norm."""
    return float(np.linalg.norm(actual - expected) / np.linalg.norm(expected))
