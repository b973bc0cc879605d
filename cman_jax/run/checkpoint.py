"""The checkpoints of a run, written with Orbax: one per epoch; the latest two and the best one are kept.

A checkpoint appears whole or not at all, so a run that is killed at any moment resumes from its last whole
epoch. Parameters are an item of their own, for programs that only predict.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp
import tensorstore as ts
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Params

State = TypeVar("State", bound=tuple)
"""The named tuple from which training resumes: `step`, `params` and `opt_state`."""

_EARLIER_WINS = 1e-9  # subtracted per epoch from the score; far below any difference of scores


class Checkpoints:
    """The checkpoints in a directory, as a context manager that waits for writes at its end.

    Args:
      directory: the directory; made if it does not exist, unless `read_only`.
      read_only: whether only to read, which does not disturb a training that writes there.

    Raises:
      InputError: the directory to read does not exist, or the scores in it are damaged.
    """

    def __init__(self, directory: Path, *, read_only: bool = False):
        if read_only and not directory.is_dir():
            expected = "the checkpoints of a run that has finished an epoch"
            raise InputError(directory, None, "no such directory", expected)
        policy = AnyPreservationPolicy([LatestN(n=2), BestN(get_metric_fn=_rank, n=1)])
        # Without a best_fn, Orbax writes no metrics to disk, and a resumed run does not know the best epoch.
        settings = {
            "preservation_policy": policy,
            "best_fn": _rank,
            "create": not read_only,
            "read_only": read_only,
            "cleanup_tmp_directories": not read_only,
        }
        # Without these handlers, the items have no metadata.
        handlers = {item: ocp.StandardCheckpointHandler() for item in ("params", "optimizer")}
        self._directory = directory
        with _reading(directory), _without_warnings():
            self._manager = ocp.CheckpointManager(
                directory.absolute(),
                options=ocp.CheckpointManagerOptions(**settings),
                item_handlers=handlers,
            )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Waits until all writes have finished, and closes the directory."""
        self._manager.wait_until_finished()
        self._manager.close()

    def save(self, epoch: int, state: State, score: float | None) -> None:
        """Starts to write a checkpoint.

        Args:
          epoch: the epoch that has finished.
          state: the state after the epoch.
          score: decides which epoch is the best; the earlier of equal scores wins. None: the later epoch is
            better.
        """
        rank = _EARLIER_WINS * epoch if score is None else score - _EARLIER_WINS * epoch
        state = jax.tree.map(np.array, state)  # a copy, because the next step updates these arrays in place
        rest = {"step": state.step, "opt_state": state.opt_state}
        items = ocp.args.Composite(
            params=ocp.args.StandardSave(state.params), optimizer=ocp.args.StandardSave(rest)
        )
        self._manager.save(epoch, args=items, metrics={"rank": rank})

    def epochs(self) -> list[int]:
        """Returns all epochs with a whole checkpoint."""
        return self._manager.all_steps()

    def latest_epoch(self) -> int | None:
        """Returns the latest epoch with a checkpoint; None if no checkpoint exists."""
        return self._manager.latest_step()

    def restore(self, epoch: int, like: State) -> State:
        """Returns the state that was saved after an epoch.

        Args:
          epoch: the epoch.
          like: a state of the same layout, with arrays or only shapes.

        Raises:
          InputError: the state belongs to another network, or is damaged.
        """
        rest = {"step": like.step, "opt_state": like.opt_state}
        found = self._restore(epoch, params=like.params, optimizer=rest)
        return like._replace(params=found["params"], **found["optimizer"])

    def restore_params(self, epoch: int, like: Params) -> Params:
        """Returns only the parameters that were saved after an epoch.

        Args:
          epoch: the epoch.
          like: parameters of the same layout, with arrays or only shapes.

        Raises:
          InputError: the parameters belong to another network, or are damaged.
        """
        return self._restore(epoch, params=like)["params"]

    def _restore(self, epoch: int, **like: Any) -> Any:
        """Returns the named items, each with the layout of its argument, on this machine's device."""
        folder = self._directory / str(epoch)
        for item, expected in like.items():
            _refuse_other_layout(folder / item, _layout(folder / item), expected)
        items = {item: ocp.args.StandardRestore(_here(expected)) for item, expected in like.items()}
        return self._manager.restore(epoch, args=ocp.args.Composite(**items))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silences Orbax' log, which warns of what `read_only` asks for."""
    log = logging.getLogger("absl")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Raises an InputError, with its cause, when Orbax or TensorStore raises an error for damaged files."""
    try:
        yield
    except (KeyError, OSError, TypeError, ValueError) as error:
        found = f"a damaged file ({show(str(error))})"
        raise InputError(path, None, found, "a checkpoint as training wrote it") from error


def _layout(item: Path) -> Any:
    """Returns the tree of an item's arrays as Orbax describes them, after reading every array.

    Orbax reads all arrays at once. If it fails at one array, it prints a traceback for each of the others.
    """
    store = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{item.absolute()}/"}}
    with _reading(item):
        (item / "manifest.ocdbt").stat()  # fails if it is missing; the store would seem empty otherwise
        for key in ts.KvStore.open(store).result().list().result():
            name, is_array, _ = key.decode().partition(".zarray")
            if is_array:
                ts.open({"driver": "zarr", "kvstore": {**store, "path": name}}).result().read().result()
        return ocp.StandardCheckpointHandler().metadata(item.absolute())


def _rank(metrics: dict[str, float]) -> float:
    """Returns the number that decides which checkpoint is best."""
    return metrics["rank"]


def _refuse_other_layout(path: Path, saved: Any, expected: Any) -> None:
    """Raises an InputError if the saved arrays differ from the expected ones.

    The message names the first arrays that are missing, not expected, or of another shape.
    """
    there, here = _shapes(saved), _shapes(expected)
    differing = [name for name in sorted(there | here) if there.get(name) != here.get(name)]
    if differing:
        found, wanted = (
            ", ".join(f"{name} {shapes[name]}" if name in shapes else f"no {name}" for name in differing[:3])
            for shapes in (there, here)
        )
        raise InputError(path, None, f"arrays of another network, {len(differing)} in all: {found}", wanted)


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array in the tree, by its path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}


def _here(tree: Any) -> Any:
    """Returns the tree's shapes and types, to be restored to this machine's first device."""
    sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)
