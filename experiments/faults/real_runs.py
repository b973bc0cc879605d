"""A finished run and one in the middle of its training, for faults that real programs meet."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.run.checkpoint import saved_epochs
from cman_jax.run.checkpoint_files import OPTIMIZER, PARAMS, damage_of
from experiments.faults.row import demand
from experiments.faults.workplace import Workplace, kill_during, run

_SETTINGS = {"training.num_epochs": 8, "training.learning_rate": 0.02}


class Runs(NamedTuple):
    """A corpus with two runs of the same training.

    Attributes:
      place: the corpus, and the folder of compiled programs.
      half: the folder of the run that was stopped after three epochs.
      finished: the folder of the undisturbed run.
    """

    place: Workplace
    half: Path
    finished: Path

    def training(self, workdir: Path) -> list[str]:
        """Returns the command line that trains a run in a folder, or resumes it."""
        return self.place.training(workdir, **_SETTINGS)


def prepare_runs(folder: Path) -> Runs:
    """Trains the runs, unless the folder has them."""
    runs = Runs(Workplace(folder), folder / "half", folder / "finished")
    for path in (runs.finished, runs.half):
        if (folder / f"{path.name}_is_whole").exists():
            continue
        shutil.rmtree(path, ignore_errors=True)
        if path == runs.finished:
            done = run(runs.training(path))
            assert not done.returncode, done.stderr
        else:
            status = kill_during(runs.training(path), path, signal.SIGTERM, 3, 0.0)
            assert status == 75, f"the training ended with status {status}"
        (folder / f"{path.name}_is_whole").touch()
    return runs


def arrays_of(workdir: Path) -> dict[int, Any]:
    """Returns the digests of all arrays of each kept epoch, after comparing the arrays with them.

    Raises:
      Broken: a checkpoint is damaged.
    """
    found, directory = {}, workdir / "checkpoints"
    for epoch in saved_epochs(directory):
        damage = damage_of(directory / str(epoch), PARAMS, OPTIMIZER)
        demand(damage is None, f"a damaged checkpoint: {damage}")
        digests = json.loads((directory / str(epoch) / "digests" / "digests.json").read_text())
        found[epoch] = digests["arrays"]
    return found


def remains_of(folder: Path) -> list[str]:
    """Returns the names of unfinished files and locks in a folder."""
    patterns = (".*.tmp", ".*.lock", "*.partial*", "*.orbax-checkpoint-tmp*")
    return sorted(str(path.relative_to(folder)) for each in patterns for path in folder.rglob(each))
