"""The writing of checkpoints with Orbax, which takes long to import and which only training needs."""

import errno
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

from cman_jax.errors import InputError, is_out_of_memory
from cman_jax.files import show
from cman_jax.run.checkpoint_files import DIGEST_FILE, DIGESTS, OPTIMIZER, PARAMS, digests_of
from cman_jax.run.rank import NO_SCORE

LATEST = 2
"""How many of the latest checkpoints are kept, besides the best one."""

_OS_ERROR = re.compile(r"os_error_code='(\d+)'")
_NO_WRITING = {errno.EACCES, errno.EDQUOT, errno.ENOSPC, errno.EPERM, errno.EROFS}

DELETED = "deleted"
"""The folder that a checkpoint is moved to at once, before its files are removed one by one."""


def open_manager(directory: Path) -> ocp.CheckpointManager:
    """Returns Orbax' manager of a directory to write to, which is made if it does not exist.

    Args:
      directory: the directory of the checkpoints.

    Raises:
      InputError: the scores in the directory are damaged, or it cannot be written to.
    """
    options = ocp.CheckpointManagerOptions(
        preservation_policy=AnyPreservationPolicy([LatestN(n=LATEST), BestN(get_metric_fn=_rank, n=1)]),
        # Without a best_fn, Orbax writes no metrics to disk, and a resumed run does not know the best epoch.
        best_fn=_rank,
        cleanup_tmp_directories=True,
        todelete_subdir=DELETED,
        create=False,  # Orbax cannot, when other processes take no part
        multiprocessing_options=_this_process(),
    )
    with _opening(directory):
        directory.mkdir(parents=True, exist_ok=True)
        return ocp.CheckpointManager(directory.absolute(), options=options, item_handlers=_handlers())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises an InputError, with its cause, when Orbax or TensorStore cannot write.

    Args:
      path: the directory of the checkpoints, for the message.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise _not_written(path, error) from error


def _not_written(path: Path, error: Exception) -> InputError:
    """Returns the error for a failed write, in the operating system's words if `error` has its number."""
    number = _OS_ERROR.search(str(error))  # of TensorStore
    reason = os.strerror(int(number[1])) if number else getattr(error, "strerror", None) or show(error)
    expected = "a disk with free space and permission to write; then start the same training again"
    return InputError(path, None, f"a checkpoint that cannot be written ({reason})", expected)


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Raises an InputError, with its cause, where Orbax finds damaged files or cannot write."""
    try:
        yield
    except (KeyError, OSError, TypeError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _NO_WRITING:
            raise _not_written(path, error) from error
        found = f"a damaged file ({show(str(error))})"
        raise InputError(path, None, found, "a checkpoint as training wrote it") from error


def save(manager: ocp.CheckpointManager, epoch: int, trees: Mapping[str, Any], rank: float) -> None:
    """Starts to write a checkpoint.

    Args:
      manager: the result of `open_manager`.
      epoch: the epoch that has finished.
      trees: the trees of arrays by the name of their item.
      rank: the number that decides which epoch is best.
    """
    items = {item: ocp.args.StandardSave(tree) for item, tree in trees.items()}
    items[DIGESTS] = ocp.args.JsonSave(digests_of(trees, rank))
    manager.save(epoch, args=ocp.args.Composite(**items), metrics={"rank": rank})


def _rank(metrics: dict[str, float]) -> float:
    """Returns the number that decides which checkpoint is best."""
    return metrics["rank"] if math.isfinite(metrics["rank"]) else NO_SCORE


def _this_process() -> ocp.options.MultiprocessingOptions:
    """Returns the options with which Orbax reads and writes in this process, and waits for no other one."""
    own = jax.process_index()
    return ocp.options.MultiprocessingOptions(own, active_processes={own}, barrier_sync_key_prefix=str(own))


def _handlers() -> dict[str, Any]:
    """Returns Orbax' handlers of the items; without handlers, the items have no metadata."""
    return {
        PARAMS: ocp.StandardCheckpointHandler(multiprocessing_options=_this_process()),
        OPTIMIZER: ocp.StandardCheckpointHandler(multiprocessing_options=_this_process()),
        DIGESTS: ocp.JsonCheckpointHandler(filename=DIGEST_FILE, multiprocessing_options=_this_process()),
    }
