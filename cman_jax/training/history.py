"""The metrics of an epoch's steps, read while later steps run and averaged when the epoch ends."""

from collections import deque
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cman_jax.data.batching import Plan
from cman_jax.training.member import Member
from cman_jax.training.step import Metrics

AHEAD = 4
"""The number of steps that may wait for the device; with so many it never waits for the host."""

Plans = Sequence[Plan | None]
"""The batches of one step: one of each run, or None if the run has no batch left."""


class History:
    """The metrics of the steps that an epoch has taken so far.

    Metrics are copied to main memory when their step is done, and read after that. At most `AHEAD` steps wait
    for the device, so that a training ends soon after it is asked to. A step with a metric that is not finite
    has skipped its update, and does not count in the means. Training stops when there are too many of them,
    or a few steps later if these had already begun.

    Args:
      members: the runs that are trained together.
      epoch: the epoch's number, for error messages.
      begun: the metrics of each run's own steps that were taken before an interruption; empty: none were.
      num_steps: how many steps the runs took together before the interruption.
    """

    def __init__(
        self,
        members: Sequence[Member],
        epoch: int,
        begun: Sequence[Float[np.ndarray, "f s"]] = (),
        num_steps: int = 0,
    ):
        self._members, self._epoch = members, epoch
        self._waiting: deque[tuple[Plans, Metrics]] = deque()
        # Of each run's own steps.
        self._arrived: list[list[Float[np.ndarray, " f"]]] = [list(k.T) for k in begun] or [
            [] for _ in members
        ]
        self._num_steps = num_steps

    def add(self, plans: Plans, metrics: Metrics) -> None:
        """Appends a step that has begun, and reads the metrics of the steps that have ended meanwhile.

        It waits while more than `AHEAD` steps have begun and not ended.

        Args:
          plans: the batches of the step; None for a run without a batch.
          metrics: the metrics of the step, one entry per run.

        Raises:
          InputError: a run has skipped more updates than its config allows.
        """
        for array in metrics:
            array.copy_to_host_async()
        self._waiting.append((plans, metrics))
        while self._waiting and (len(self._waiting) > AHEAD or self._has_ended(self._waiting[0][1])):
            self._read_next()

    @staticmethod
    def _has_ended(metrics: Metrics) -> bool:
        """Returns whether a step has ended."""
        return all(array.is_ready() for array in metrics)

    def means(self) -> list[dict[str, float]]:
        """Returns the means of each run over the epoch's sentences, after waiting for the last step.

        `skipped_updates` is the number of steps that are left out, because a metric was not finite.

        Raises:
          InputError: a run has skipped more updates than its config allows, or all.
        """
        self._read_all()
        return [self._means_of(k) for k in range(len(self._members))]

    def so_far(self) -> list[Float[np.ndarray, "f s"]]:
        """Returns the metrics of each run's own steps so far, after waiting for the last step.

        Raises:
          InputError: a run has skipped more updates than its config allows.
        """
        self._read_all()
        none = np.zeros((len(Metrics._fields), 0), np.float32)
        return [np.stack(steps, 1) if steps else none for steps in self._arrived]

    def _read_all(self) -> None:
        """Reads the metrics of all steps that have not been read."""
        while self._waiting:
            self._read_next()

    def _means_of(self, k: int) -> dict[str, float]:
        """Returns the means of one run."""
        values = np.stack(self._arrived[k], 1)
        finite = np.isfinite(values).all(0)
        if not finite.any():
            raise self._members[k].divergence(f"no step with finite losses in epoch {self._epoch}")
        *values, weights = values[:, finite]
        found = zip(Metrics._fields, values, strict=False)  # the last field is the weights
        means = {name: round(float(np.average(each, weights=weights)), 5) for name, each in found}
        return {**means, "skipped_updates": int((~finite).sum())}

    def _read_next(self) -> None:
        """Reads the metrics of the earliest step that has not been read."""
        plans, metrics = self._waiting.popleft()
        values = np.stack([np.asarray(array).ravel() for array in metrics])
        self._num_steps += 1
        for k, plan in enumerate(plans):
            if plan is None:  # the run takes no part in the step, and its metrics have no meaning
                continue
            self._arrived[k].append(values[:, k])
            if not np.isfinite(values[:, k]).all():
                self._refuse_too_many(k, plan)

    def _refuse_too_many(self, k: int, plan: Plan) -> None:
        """Raises an InputError if the run has skipped more updates than its config allows.

        The error names the first metric of the last step that is not finite.
        """
        member, last = self._members[k], self._arrived[k][-1]
        skipped = sum(not np.isfinite(step).all() for step in self._arrived[k])
        if skipped > member.max_skipped_updates:
            bad = int(np.argmin(np.isfinite(last)))
            where = f"epoch {self._epoch}, step {self._num_steps}, on {member.names_of(plan)}"
            found = f"{Metrics._fields[bad]} = {last[bad]} in {where}"
            more = f"{skipped} steps without an update, the last because of " if skipped > 1 else ""
            raise member.divergence(more + found)
