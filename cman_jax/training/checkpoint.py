"""Checkpoints of a run: one per epoch through Orbax, the latest two and the best one kept.

A checkpoint appears whole or not at all, so a run killed at any moment resumes from the last whole epoch.
Parameters are an item of their own, for programs that only predict.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from cman_jax.training.step import TrainState
from cman_jax.types import Params

_EARLIER_WINS = 1e-9  # per epoch; far below any difference of scores


class Checkpoints:
    """The checkpoints in a directory. A context manager: leaving it waits for writes.

    Args:
      directory: made if need be, unless `read_only`.
      read_only: leave a training that may be writing there undisturbed.
    """

    def __init__(self, directory: Path, *, read_only: bool = False):
        policy = AnyPreservationPolicy([LatestN(n=2), BestN(get_metric_fn=_rank, n=1)])
        # Without a best_fn of its own Orbax keeps no metrics on disk, and a resumed run forgets the best.
        options = ocp.CheckpointManagerOptions(
            preservation_policy=policy,
            best_fn=_rank,
            create=not read_only,
            read_only=read_only,
            cleanup_tmp_directories=not read_only,
        )
        self._manager = ocp.CheckpointManager(directory.absolute(), options=options)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *error: Any) -> None:
        self._manager.wait_until_finished()
        self._manager.close()

    def save(self, epoch: int, state: TrainState, score: float) -> None:
        """Starts writing; `score` decides which epoch is best, the earlier one of equals."""
        state = jax.tree.map(np.array, state)  # a copy, as the next step updates these arrays in place
        rest = {"step": state.step, "opt_state": state.opt_state}
        items = ocp.args.Composite(
            params=ocp.args.StandardSave(state.params), optimizer=ocp.args.StandardSave(rest)
        )
        self._manager.save(epoch, args=items, metrics={"rank": score - _EARLIER_WINS * epoch})

    def epochs(self) -> list[int]:
        """All that are saved whole."""
        return self._manager.all_steps()

    def latest_epoch(self) -> int | None:
        """None: nothing saved yet."""
        return self._manager.latest_step()

    def restore_latest(self, fresh: TrainState) -> tuple[int, TrainState]:
        """The latest epoch and its state, on this machine's device; 0 and `fresh` if none is saved."""
        epoch = self.latest_epoch()
        if epoch is None:
            return 0, fresh
        rest = {"step": fresh.step, "opt_state": fresh.opt_state}
        items = ocp.args.Composite(
            params=ocp.args.StandardRestore(_here(fresh.params)),
            optimizer=ocp.args.StandardRestore(_here(rest)),
        )
        found = self._manager.restore(epoch, args=items)
        return epoch, TrainState(found["optimizer"]["step"], found["params"], found["optimizer"]["opt_state"])

    def restore_params(self, epoch: int, like: Params) -> Params:
        """The parameters alone; `like` may hold shapes instead of arrays."""
        items = ocp.args.Composite(params=ocp.args.StandardRestore(_here(like)))
        return self._manager.restore(epoch, args=items)["params"]


def _rank(metrics: dict[str, float]) -> float:
    return metrics["rank"]


def _here(tree: Any) -> Any:
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)
