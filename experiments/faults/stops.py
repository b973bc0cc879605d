"""Faults of running trainings: killed and stopped at random moments, as real processes."""

import json
import random
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.run.checkpoint import saved_epochs
from cman_jax.run.checkpoint_files import OPTIMIZER, PARAMS, read_item
from cman_jax.run.record import read_metrics
from experiments.faults.row import Row, demand
from experiments.faults.workplace import EPOCHS, Workplace, run

_TIMES = ("seconds", "compiling_seconds", "sentences_per_second")
_ANYWHERE = 0.15  # the share of moments that are drawn over the whole process; the others, over its training
_SAVED = re.compile(r"training stopped after (?:(\d+) of \d+ steps of )?epoch (\d+), which is saved")
_STATUS = {signal.SIGTERM: 75, signal.SIGINT: 130}


class Undisturbed(NamedTuple):
    """An undisturbed training.

    Attributes:
      place: the corpus and the commands.
      state: everything that the training leaves behind, see `state_of`.
      seconds: how long the process takes, and how long from its first epoch on.
    """

    place: Workplace
    state: Any
    seconds: tuple[float, float]


def prepare(folder: Path) -> Undisturbed:
    """Trains twice without a disturbance: the first training compiles, the second one has its time taken."""
    place, workdir = Workplace(folder), folder / "undisturbed"
    done = run(place.training(workdir))
    demand(done.returncode == 0, done.stderr)
    timed = folder / f"timed_{time.time_ns()}"
    start = time.perf_counter()
    process = _start(place.training(timed))
    _wait_for_epoch(process, timed, 1)
    first = time.perf_counter()
    demand(process.wait() == 0 and state_of(timed) == state_of(workdir), "trainings that differ")
    end = time.perf_counter()
    return Undisturbed(place, state_of(workdir), (end - start, end - first))


def kill(undisturbed: Undisturbed, folder: Path, rng: random.Random) -> str:
    """Kills a training once or twice at random moments, and then trains to the end."""
    command = _command(undisturbed, folder, rng)
    moments = [_kill_once(undisturbed, command, folder / "run", rng) for _ in range(rng.choice((1, 1, 1, 2)))]
    _finish(undisturbed, command, folder / "run")
    return f"same bits after a kill {moments[0]}"


def stop(undisturbed: Undisturbed, folder: Path, rng: random.Random) -> str:
    """Stops a training by SIGTERM or SIGINT at a random moment, and then trains to the end."""
    command, number = _command(undisturbed, folder, rng), rng.choice(list(_STATUS))
    process, name = _start(command), signal.Signals(number).name
    _wait(process, folder / "run", undisturbed, rng)
    begun = (folder / "run" / "config.json").exists()
    process.send_signal(number)
    status, errors = process.wait(), process.stderr.read()
    if status == 0:
        outcome = f"{name} after the end"
    elif begun or status == _STATUS[number]:
        demand(status == _STATUS[number], f"{name}: exit status {status}: {errors}")
        demand(errors.count("\n") == 1, f"{name}: not one line: {errors}")
        outcome = f"{name}: {_check_saved(folder / 'run', errors)}, same bits"
    else:
        demand(status == -number, f"{name} before the training: exit status {status}: {errors}")
        outcome = f"{name} before the training"
    _finish(undisturbed, command, folder / "run")
    return outcome


def state_of(workdir: Path) -> Any:
    """Returns everything that a training leaves behind, without times."""
    checkpoints = workdir / "checkpoints"
    arrays = {
        (epoch, item, name): array.tobytes()
        for epoch in saved_epochs(checkpoints)
        for item in (PARAMS, OPTIMIZER)
        for name, array in read_item(checkpoints / str(epoch), item).items()
    }
    rows = [{k: v for k, v in row.items() if k not in _TIMES} for row in read_metrics(workdir)]
    scores = json.loads((workdir / "scores.json").read_text())
    return arrays, rows, scores, (workdir / "predictions.jsonl").read_text()


def _command(undisturbed: Undisturbed, folder: Path, rng: random.Random) -> list[str]:
    """Returns the command of a training, half of the time with a save after every step."""
    flags = ["--save_every=0.00001"] * rng.randint(0, 1)
    return undisturbed.place.training(folder / "run", *flags)


def _start(command: list[str]) -> subprocess.Popen:
    """Starts a process whose standard error can be read."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _wait_for_epoch(process: subprocess.Popen, workdir: Path, epoch: int) -> None:
    """Waits until the metrics have an epoch, or the process has ended."""
    while process.poll() is None and len(read_metrics(workdir)) < epoch:
        time.sleep(0.005)


def _wait(process: subprocess.Popen, workdir: Path, undisturbed: Undisturbed, rng: random.Random) -> None:
    """Waits for a random moment of a process that trains, or for its end."""
    whole, training = undisturbed.seconds
    if rng.random() < _ANYWHERE:
        _sleep(process, rng.uniform(0, whole))
    else:
        _wait_for_epoch(process, workdir, rng.randint(0, EPOCHS))
        _sleep(process, rng.uniform(0, training / EPOCHS))


def _sleep(process: subprocess.Popen, seconds: float) -> None:
    """Waits for some time, or for the end of a process."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _kill_once(undisturbed: Undisturbed, command: list[str], workdir: Path, rng: random.Random) -> str:
    """Kills a training at a random moment, and returns which moment it was."""
    process = _start(command)
    _wait(process, workdir, undisturbed, rng)
    process.kill()
    if process.wait() == 0:
        return "after the end"
    if not (workdir / "config.json").exists():
        return "before the run existed"
    if (workdir / "predictions.jsonl").exists():
        return "while scores were written"
    return "during the training"


def _check_saved(workdir: Path, errors: str) -> str:
    """Checks that the run has what the line on standard error says; returns what was saved."""
    saved = _SAVED.search(errors)
    if saved is None:
        return "ended at once, while nothing was trained"
    steps, epoch = saved[1], int(saved[2])
    if steps is None:
        demand(epoch in saved_epochs(workdir / "checkpoints"), f"no checkpoint: {errors}")
        return "saved after an epoch"
    demand((workdir / "within_epoch" / f"{epoch}_{steps}.npz").is_file(), f"no file of the step: {errors}")
    return "saved after the running step"


def _finish(undisturbed: Undisturbed, command: list[str], workdir: Path) -> None:
    """Trains to the end, and compares all that is left behind with the undisturbed training."""
    done = run(command)
    demand(done.returncode == 0, f"the training does not resume: {done.stderr[-500:]}")
    demand(state_of(workdir) == undisturbed.state, "not the same bits")


ROWS = (
    Row(
        "kill",
        "kill -9 at random moments of training (steps, saves, deletions, scores)",
        200,
        "parameters, optimiser, metrics, scores and predictions bit-identical to an undisturbed run",
        prepare,
        kill,
        seconds=300,
    ),
    Row(
        "stop",
        "SIGTERM or SIGINT at random moments",
        50,
        "saved after the running step, status 75 or 130, the same bits",
        prepare,
        stop,
        seconds=300,
    ),
)
