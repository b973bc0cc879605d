"""A disk that is full, that becomes read-only, or whose permission is lost while a program works."""

import contextlib
import json
import random
import shutil
import time
from pathlib import Path

from experiments.faults.disk import FAULTS, Disk
from experiments.faults.ends import check_end, end_of
from experiments.faults.permissions import without_override
from experiments.faults.program import Program
from experiments.faults.real_runs import Runs, arrays_of, prepare_runs
from experiments.faults.row import Row, demand
from experiments.faults.workplace import run

_SECONDS = 240.0
_PROGRAMS = ("training", "training", "new training", "evaluation", "extraction")
_LATEST = 10.0  # seconds after the start of a program that does not write metrics


def attempt(runs: Runs, folder: Path, rng: random.Random) -> str:
    """Disturbs a program at a random moment, and starts it again when the disk works."""
    fault, name = rng.choice(FAULTS), rng.choice(_PROGRAMS)
    disk = Disk(folder / "disk", folder / "shadow")
    try:
        workdir = disk.folder / "run"
        if name != "new training":
            shutil.copytree(runs.half if name == "training" else runs.finished, workdir)
        shown = f"{name}, {fault}" if disk.is_own else f"{name}, {fault} (no disk of its own)"
        program = Program(without_override(_command(runs, name, disk.folder)), folder / "output")
        try:
            _wait(program, name, workdir, rng)
            with disk.fault(fault, workdir, program.process.pid, rng):
                ended = program.end(_SECONDS)
        finally:
            program.kill()
        check_end(ended, (0, 2), shown)
        demand(_is_whole(disk.folder / "found.jsonl", runs), f"{shown}: an incomplete output")
        _use(runs, name, disk.folder, shown)
    finally:
        disk.close()
    return "one line, usable afterwards" if ended.status else "finished"


def _command(runs: Runs, name: str, disk: Path) -> list[str]:
    """Returns the command line of a program."""
    workdir = f"--workdir={disk / 'run'}"
    if "training" in name:
        return runs.training(disk / "run")
    if name == "evaluation":
        return runs.place.cman("evaluate", workdir, f"--data={runs.place.data}", "--split=dev")
    output = f"--output={disk / 'found.jsonl'}"
    return runs.place.cman("extract", workdir, f"--input={runs.place.data / 'train.jsonl'}", output)


def _wait(program: Program, name: str, workdir: Path, rng: random.Random) -> None:
    """Waits until a random moment, or until the program has ended."""
    epochs = {"training": rng.randrange(3, 8), "new training": rng.randrange(8)}.get(name, 0)
    more = rng.uniform(0.0, 1.0 if epochs else _LATEST)
    metrics = workdir / "metrics.jsonl"
    while program.process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if not epochs or metrics.read_bytes().count(b"\n") >= epochs:
                break
        time.sleep(0.02)
    program.wait(more)


def _is_whole(output: Path, runs: Runs) -> bool:
    """Returns whether an output is missing or has a record for each sentence."""
    if not output.exists():
        return True
    records = [json.loads(line) for line in output.read_text().splitlines()]
    return len(records) == len((runs.place.data / "train.jsonl").read_text().splitlines())


def _use(runs: Runs, name: str, disk: Path, shown: str) -> None:
    """Starts the program again on the disk that works, and compares the end of a training.

    Raises:
      Broken: it does not end well, or its parameters are others.
    """
    done = run(_command(runs, name, disk))
    check_end(end_of(done), (0,), f"after {shown}")
    demand(_is_whole(disk / "found.jsonl", runs), f"after {shown}: an incomplete output")
    demand(arrays_of(disk / "run") == arrays_of(runs.finished), f"after {shown}: other parameters")


ROWS = (
    Row(
        "disk",
        "the disk is full or read-only, or the permission is lost, at a random moment",
        30,
        "one line; the program works when the disk does, with the same result",
        prepare_runs,
        attempt,
        seconds=600.0,
    ),
)
