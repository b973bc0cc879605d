"""The metrics of an epoch's steps, read while later steps run and averaged when the epoch ends."""

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from cman_jax.data.batching import Plan
from cman_jax.training.member import Member
from cman_jax.training.step import Metrics

Plans = Sequence[Plan | None]
"""The batches of one step: one of each run, or None if the run has no batch left."""


class History:
    """The metrics of the steps that an epoch has taken so far.

    No step waits for metrics. They are copied to main memory when their step is done, and read after that. So
    training stops at a loss that is not finite, or a few steps later if these had already begun.

    Args:
      members: the runs that are trained together.
      epoch: the epoch's number, for error messages.
    """

    def __init__(self, members: Sequence[Member], epoch: int):
        self._members, self._epoch = members, epoch
        self._waiting: deque[tuple[Plans, Metrics]] = deque()
        self._arrived: list[Metrics] = []

    def add(self, plans: Plans, metrics: Metrics) -> None:
        """Appends a step that has begun, and reads the metrics of the steps that have ended meanwhile.

        Args:
          plans: the batches of the step; None for a run without a batch.
          metrics: the metrics of the step, one entry per run.

        Raises:
          InputError: a loss or the gradient norm of a step is not finite.
        """
        for array in metrics:
            array.copy_to_host_async()
        self._waiting.append((plans, metrics))
        while self._waiting and all(array.is_ready() for array in self._waiting[0][1]):
            self._read_next()

    def means(self) -> list[dict[str, float]]:
        """Returns the means of each run over the epoch's sentences, after waiting for the last step.

        Raises:
          InputError: a loss or the gradient norm of a step is not finite.
        """
        while self._waiting:
            self._read_next()
        by_name = {name: np.stack([getattr(m, name) for m in self._arrived], 1) for name in Metrics._fields}
        weights = by_name.pop("num_sentences")

        def mean(values: np.ndarray, weights: np.ndarray) -> float:
            return round(float(np.average(values[weights > 0], weights=weights[weights > 0])), 5)

        return [
            {name: mean(values[k], weights[k]) for name, values in by_name.items()}
            for k in range(len(self._members))
        ]

    def _read_next(self) -> None:
        """Reads the metrics of the earliest step that has not been read."""
        plans, metrics = self._waiting.popleft()
        metrics = Metrics(*(np.asarray(array).ravel() for array in metrics))
        self._arrived.append(metrics)
        for k, plan in enumerate(plans):
            if (
                plan is not None
            ):  # otherwise the run takes no part in the step, and its metrics have no meaning
                self._refuse_divergence(k, plan, {name: float(v[k]) for name, v in metrics._asdict().items()})

    def _refuse_divergence(self, k: int, plan: Plan, values: dict[str, float]) -> None:
        """Raises an InputError if a metric of the run is not finite."""
        member = self._members[k]
        for name, value in values.items():
            if not math.isfinite(value):
                where = f"epoch {self._epoch}, step {len(self._arrived)}, on {member.names_of(plan)}"
                raise member.divergence(f"{name} = {value} in {where}")
