"""A run in the middle of an epoch: its state and the metrics of the steps so far, in one file.

The file is `within_epoch/EPOCH_STEPS.npz` in the run's working directory: the SHA-256 of the rest, a line of
JSON, and an archive of NumPy's arrays. It appears as a whole, and goes once the epoch's checkpoint exists.
"""

import hashlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import tree
from jaxtyping import Float

from cman_jax.errors import InputError
from cman_jax.files import json_text, write_atomically
from cman_jax.numpy_files import parse_npz
from cman_jax.run.checkpoint_files import named
from cman_jax.training.step import TrainState

_METRICS = "metrics"
_NAME = re.compile(r"(\d+)_(\d+)\.npz")


class Times(NamedTuple):
    """The time that an epoch has taken so far.

    Attributes:
      seconds: all of it.
      compiling_seconds: the part that was spent waiting for the compiler.
      waiting_seconds: the part that was spent waiting for batches.
    """

    seconds: float
    compiling_seconds: float
    waiting_seconds: float = 0.0  # unknown to version 0.3.0 and before


class Within(NamedTuple):
    """A run in the middle of an epoch.

    Attributes:
      epoch: the epoch's number.
      state: the state after the last step.
      metrics: the metrics of the run's own steps so far, in the order of the fields of `Metrics`.
      times: the time that the epoch has taken so far.
    """

    epoch: int
    state: TrainState
    metrics: Float[np.ndarray, "f s"]
    times: Times


def save_within(workdir: Path, part: Within) -> Path:
    """Writes a run in the middle of an epoch, and returns the file."""
    buffer = io.BytesIO()
    np.savez(buffer, **{_METRICS: part.metrics}, **{f"state/{k}": v for k, v in named(part.state).items()})
    content = json_text(part.times._asdict()).encode() + b"\n" + buffer.getvalue()
    path = _folder(workdir) / f"{part.epoch}_{part.metrics.shape[1]}.npz"
    write_atomically(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    return path


def steps_saved(workdir: Path, epoch: int) -> set[int]:
    """Returns after how many of its own steps of an epoch a run is saved."""
    return {steps for found, steps in _saved(workdir) if found == epoch}


def load_within(workdir: Path, epoch: int, steps: int, like: TrainState) -> Within:
    """Returns a run in the middle of an epoch.

    Args:
      workdir: the run's working directory.
      epoch: the epoch's number.
      steps: after how many of the run's own steps.
      like: a state of the same layout.

    Raises:
      InputError: the file is damaged, or of another network.
    """
    path = _folder(workdir) / f"{epoch}_{steps}.npz"
    digest, _, content = path.read_bytes().partition(b"\n")
    if digest != hashlib.sha256(content).hexdigest().encode():
        raise InputError(path, None, "a damaged file", "a file as training wrote it")
    line, _, archive = content.partition(b"\n")
    arrays = parse_npz(archive, path)
    found = {name: arrays[f"state/{name}"] for name in named(like) if f"state/{name}" in arrays}
    metrics = arrays[_METRICS]
    for name, leaf in named(like).items():
        if name not in found or (found[name].shape, found[name].dtype) != (leaf.shape, leaf.dtype):
            raise InputError(path, None, f"another {name}", "a file of the same network")
    state = tree.unflatten(tree.structure(like), [jnp.array(array) for array in found.values()])
    return Within(epoch, state, metrics, Times(**json.loads(line)))


def remove_within(workdir: Path, until: int, keep: Path | None = None) -> None:
    """Removes what was saved within epochs.

    Args:
      workdir: the run's working directory.
      until: the last epoch of which files are removed.
      keep: a file that is not removed.
    """
    for epoch, steps in _saved(workdir):
        path = _folder(workdir) / f"{epoch}_{steps}.npz"
        if epoch <= until and path != keep:
            path.unlink()
    if not _saved(workdir):
        shutil.rmtree(_folder(workdir), ignore_errors=True)


def _folder(workdir: Path) -> Path:
    return workdir / "within_epoch"


def _saved(workdir: Path) -> list[tuple[int, int]]:
    """Returns epoch and number of steps of every file."""
    folder = _folder(workdir)
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return [(int(m[1]), int(m[2])) for name in names if (m := _NAME.fullmatch(name))]
