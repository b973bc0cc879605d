"""Faults of running trainings: killed and stopped at random moments, as real processes."""

import json
import random
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.run.checkpoint import saved_epochs
from cman_jax.run.record import read_metrics
from experiments.faults.program import Program
from experiments.faults.real_runs import arrays_of
from experiments.faults.row import Row, demand
from experiments.faults.workplace import EPOCHS, Workplace, run

_TIMES = ("seconds", "compiling_seconds", "waiting_seconds", "sentences_per_second")
_ANYWHERE = 0.15  # the share of moments that are drawn over the whole process; the others, over its training
_SAVED = re.compile(r"training stopped after (?:(\d+) of \d+ steps of )?epoch (\d+), which is saved")
_SECONDS = 600.0  # that a training may take on a busy machine
EACH = 5
"""How many signals an attempt sends."""
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
    program = Program(place.training(timed), folder / "timed")
    _wait_for_epoch(program, timed, 1)
    first = time.perf_counter()
    demand(program.end(_SECONDS).status == 0, "a training that fails")
    end, state = time.perf_counter(), state_of(workdir)
    demand(state_of(timed) == state, "trainings that differ")
    return Undisturbed(place, state, (end - start, end - first))


def kill(undisturbed: Undisturbed, folder: Path, rng: random.Random) -> str:
    """Kills trainings at random moments until they end by themselves; compares what they leave behind."""
    return _chain(undisturbed, folder, rng, [signal.SIGKILL])


def stop(undisturbed: Undisturbed, folder: Path, rng: random.Random) -> str:
    """Stops trainings by SIGTERM and SIGINT in the same way."""
    return _chain(undisturbed, folder, rng, list(_STATUS))


def _chain(
    undisturbed: Undisturbed, folder: Path, rng: random.Random, numbers: Sequence[signal.Signals]
) -> str:
    """Ends trainings `EACH` times by one of the signals, and then trains to the end.

    A training that ends before its signal is compared, and another one begins.
    """
    sent, runs, command, workdir = 0, 0, None, folder
    while sent < EACH:
        if command is None:
            workdir, runs = folder / f"run_{runs}", runs + 1
            command = _command(undisturbed, workdir, rng)
        if _end_once(undisturbed, command, workdir, rng, rng.choice(numbers)):
            sent += 1
        else:
            demand(state_of(workdir) == undisturbed.state, "not the same bits")
            command = None
    if command is not None:
        finish_alike(command, workdir, undisturbed.state)
    return "same bits"


def _end_once(
    undisturbed: Undisturbed, command: list[str], workdir: Path, rng: random.Random, number: signal.Signals
) -> bool:
    """Ends a training at a random moment; returns False if it ended by itself before.

    Raises:
      Broken: its exit status or its line is not that of the signal.
    """
    program = Program(command, workdir.with_name("output"))
    _wait(program, workdir, undisturbed, rng)
    program.process.send_signal(number)
    status, _, errors = program.end(_SECONDS)
    if status == 0:
        return False
    if status == -number:  # SIGKILL, or before the program listens
        demand(not errors, f"{number.name}: {errors}")
    else:
        demand(status == _STATUS.get(number), f"{number.name}: exit status {status}: {errors}")
        demand(errors.count("\n") == 1, f"{number.name}: not one line: {errors}")
        _check_saved(workdir, errors)
    return True


def state_of(workdir: Path) -> Any:
    """Returns everything that a training leaves behind, without times."""
    rows = [{k: v for k, v in row.items() if k not in _TIMES} for row in read_metrics(workdir)]
    scores = json.loads((workdir / "scores.json").read_text())
    return arrays_of(workdir), rows, scores, (workdir / "predictions.jsonl").read_text()


def _command(undisturbed: Undisturbed, workdir: Path, rng: random.Random) -> list[str]:
    """Returns the command of a training, half of the time with a save after every step."""
    return undisturbed.place.training(workdir, *["--save_every=0.00001"] * rng.randint(0, 1))


def _wait_for_epoch(program: Program, workdir: Path, epoch: int) -> None:
    """Waits until the metrics have an epoch, or the program has ended."""
    while program.process.poll() is None and len(read_metrics(workdir)) < epoch:
        time.sleep(0.005)


def _wait(program: Program, workdir: Path, undisturbed: Undisturbed, rng: random.Random) -> None:
    """Waits for a random moment of a program that trains, or for its end."""
    whole, training = undisturbed.seconds
    if rng.random() < _ANYWHERE:
        program.wait(rng.uniform(0, whole))
    else:
        _wait_for_epoch(program, workdir, len(read_metrics(workdir)) + rng.randint(0, 2))
        program.wait(rng.uniform(0, training / EPOCHS))


def _check_saved(workdir: Path, errors: str) -> None:
    """Checks that the run has what the line on standard error says.

    Raises:
      Broken: it does not.
    """
    if saved := _SAVED.search(errors):
        steps, epoch = saved[1], int(saved[2])
        within = workdir / "within_epoch" / f"{epoch}_{steps}.npz"
        there = epoch in saved_epochs(workdir / "checkpoints") if steps is None else within.is_file()
        demand(there, f"nothing saved there: {errors}")


def finish_alike(command: list[str], workdir: Path, state: Any) -> None:
    """Trains to the end, and compares all that is left behind with what an undisturbed training leaves."""
    done = run(command)
    demand(done.returncode == 0, f"the training does not resume: {done.stderr[-500:]}")
    demand(state_of(workdir) == state, "not the same bits")


ROWS = (
    Row(
        "kill",
        "kill -9 at random moments of training (steps, saves, deletions, scores)",
        200,
        "parameters, optimiser, metrics, scores and predictions bit-identical to an undisturbed run",
        prepare,
        kill,
        seconds=1200,
        each=EACH,
    ),
    Row(
        "stop",
        "SIGTERM or SIGINT at random moments",
        50,
        "saved after the running step, status 75 or 130, the same bits",
        prepare,
        stop,
        seconds=1200,
        each=EACH,
    ),
)
