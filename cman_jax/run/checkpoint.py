"""The checkpoints of a run: one per epoch; the latest two and the best one are kept.

A checkpoint appears whole or not at all, and goes in the same way, so a run that is killed at any moment
resumes from its last whole epoch. Parameters are an item of their own, for programs that only predict.
"""

import shutil
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from cman_jax.errors import InputError
from cman_jax.run.checkpoint_files import (
    OPTIMIZER,
    PARAMS,
    Damage,
    damage_of,
    is_whole,
    restore_item,
)
from cman_jax.run.rank import rank_of
from cman_jax.types import Params

State = TypeVar("State", bound=tuple)
"""The named tuple from which training resumes: `step`, `params` and `opt_state`."""


class Checkpoints:
    """The checkpoints in a directory, as a context manager that waits for writes at its end.

    Args:
      directory: the directory; made if it does not exist, unless `read_only`.
      read_only: whether only to read, which does not disturb a training that writes there.

    Raises:
      InputError: the directory to read does not exist, or the directory to write has damaged scores or
        cannot be written to.
    """

    def __init__(self, directory: Path, *, read_only: bool = False):
        self._directory = directory
        self._items = (PARAMS,) if read_only else (PARAMS, OPTIMIZER)
        self._manager = None
        if not read_only:
            # Only training writes, and Orbax takes long to import.
            from cman_jax.run import checkpoint_writer

            self._writer = checkpoint_writer
            self._manager = checkpoint_writer.open_manager(directory)
        elif not directory.is_dir():
            expected = "the checkpoints of a run that has finished an epoch"
            raise InputError(directory, None, "no such directory", expected)

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Waits until all writes have finished, and closes the directory.

        Raises:
          InputError: a checkpoint cannot be written.
        """
        if self._manager is not None:
            with self._writer.writing(self._directory):
                try:
                    self._manager.wait_until_finished()
                    self._delete_superfluous()
                finally:
                    self._manager.close()
            self._remove_deleted()

    def save(self, epoch: int, state: State, score: float | None) -> None:
        """Starts to write a checkpoint.

        Args:
          epoch: the epoch that has finished.
          state: the state after the epoch.
          score: decides which epoch is the best, see `rank_of`.

        Raises:
          InputError: this checkpoint or the one before cannot be written.
        """
        state = jax.tree.map(np.array, state)  # a copy, because the next step updates these arrays in place
        trees = {PARAMS: state.params, OPTIMIZER: {"step": state.step, "opt_state": state.opt_state}}
        with self._writer.writing(self._directory):
            self._writer.save(self._manager, epoch, trees, rank_of(epoch, score))
        self._remove_deleted()

    def epochs(self) -> list[int]:
        """Returns all epochs with a whole checkpoint."""
        if self._manager is not None:
            return self._manager.all_steps()
        return [epoch for epoch in saved_epochs(self._directory) if is_whole(self._directory / str(epoch))]

    def latest_epoch(self) -> int | None:
        """Returns the latest epoch with a checkpoint; None if no checkpoint exists."""
        return max(self.epochs(), default=None)

    def restore(self, epoch: int, like: State) -> State:
        """Returns the state that was saved after an epoch.

        Args:
          epoch: the epoch.
          like: a state of the same layout, with arrays or only shapes.

        Raises:
          InputError: the state belongs to another network, or is damaged.
        """
        rest = {"step": like.step, "opt_state": like.opt_state}
        params = self._restore(epoch, PARAMS, like.params)
        return like._replace(params=params, **self._restore(epoch, OPTIMIZER, rest))

    def restore_params(self, epoch: int, like: Params) -> Params:
        """Returns only the parameters that were saved after an epoch.

        Args:
          epoch: the epoch.
          like: parameters of the same layout, with arrays or only shapes.

        Raises:
          InputError: the parameters belong to another network, or are damaged.
        """
        return self._restore(epoch, PARAMS, like)

    def _restore(self, epoch: int, item: str, like: Any) -> Any:
        """Returns an item; the error for damage names the epochs that are intact, and what to do."""
        try:
            return restore_item(self._directory / str(epoch), item, like)
        except Damage as error:
            others = [e for e in self.epochs() if e != epoch]
            intact = [e for e in others if damage_of(self._directory / str(e), *self._items) is None]
            remedy = f"{error.expected}; {remedy_for(epoch, intact)}"
            raise InputError(error.path, None, error.found, remedy) from error

    def _delete_superfluous(self) -> None:
        """Deletes the checkpoints that stay if a training stops after a save and before the deletion."""
        for epoch in sorted(self.epochs())[: -self._writer.LATEST]:
            if epoch != self._manager.best_step():
                self._manager.delete(epoch)

    def _remove_deleted(self) -> None:
        """Removes the files of checkpoints that are no longer kept."""
        shutil.rmtree(self._directory / self._writer.DELETED, ignore_errors=True)


def remedy_for(epoch: int, intact: list[int]) -> str:
    """Returns what to do about an epoch whose checkpoint is damaged or missing.

    Args:
      epoch: the epoch.
      intact: the epochs with an intact checkpoint.
    """
    found = f"intact epochs: {', '.join(map(str, sorted(intact)))}" if intact else "no other epoch is intact"
    return f"{found}; start the same training again, which computes epoch {epoch}, or copy it from a backup"


def saved_epochs(directory: Path) -> list[int]:
    """Returns the epochs that a directory has checkpoints of, whole or not, in rising order."""
    names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def set_aside(directory: Path, epochs: list[int]) -> Path:
    """Moves checkpoints to a directory beside theirs, and returns it; those with the same number there go.

    Args:
      directory: the directory of the checkpoints.
      epochs: the epochs whose checkpoints are moved.
    """
    aside = directory.with_name(f"{directory.name}_set_aside")
    aside.mkdir(exist_ok=True)
    for epoch in epochs:
        shutil.rmtree(aside / str(epoch), ignore_errors=True)
        (directory / str(epoch)).replace(aside / str(epoch))
    return aside
