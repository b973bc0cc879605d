"""Two programs that write to one folder of a run, or to one output, at the same time."""

import json
import random
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.files import file_digest, write_json
from experiments.faults.ends import Ended, check_end, end_of
from experiments.faults.program import Program
from experiments.faults.real_runs import Runs, arrays_of, prepare_runs, remains_of
from experiments.faults.row import Row, demand
from experiments.faults.workplace import run

_LATEST = 2.0  # seconds until both programs have started
_SECONDS = 240.0
_COMMANDS = {
    "train": (),
    "evaluate": ("evaluate", "{workdir}", "{data}", "--split=dev"),
    "tune": ("evaluate", "{workdir}", "{data}", "--split=dev", "--tune_threshold"),
    "calibrate": ("evaluate", "{workdir}", "{data}", "--split=dev", "--calibrate"),
    "report": ("report", "{workdir}", "{data}"),
    "extract": ("extract", "{workdir}", "--input={source}/train.jsonl", "--output={folder}/found.jsonl"),
    "export": ("export", "{workdir}", "--out={folder}/exported"),
    "package": ("package", "{workdir}", "--name=my-model", "--out={folder}/dist"),
    "convert": ("convert", "{data}", "--out={folder}/converted"),
    "features": ("data_prep.features", "--encoder=minilm", "{data}", "--out={folder}/cache"),
    "generated": (
        "data_prep.generated",
        "--out={folder}/made",
        "--num_train=3000",
        "--num_dev=9",
        "--num_test=9",
    ),
}
"""The program and the flags of each command."""
_WITHOUT_A_RUN = ("convert", "features", "generated")
_EXCLUSIVE = ("train", "extract", "package", "export", "convert", "features")
"""Programs that one process at a time may run on the same folder or output."""
_TOO_EARLY = ("train", "tune")
"""The pair of which the second finds no threshold while the network has learned too little."""
PAIRS = (
    *(("train", other) for other in ("train", "evaluate", "tune", "extract", "report", "package", "export")),
    *(("evaluate", other) for other in ("evaluate", "tune", "calibrate", "extract", "report", "package")),
    *(("tune", other) for other in ("tune", "calibrate", "extract", "report", "package")),
    *(("extract", "report"), ("report", "report")),
    *((name, name) for name in ("extract", "package", "export", "convert", "features", "generated")),
)


class Prepared(NamedTuple):
    """What the attempts share.

    Attributes:
      runs: the runs.
      alone: what is there after each command that nothing disturbs, as `results_of` returns it.
    """

    runs: Runs
    alone: dict[str, dict[str, Any]]


def prepare(folder: Path) -> Prepared:
    """Trains the runs, and runs every command once without a disturbance."""
    runs, kept = prepare_runs(folder), folder / "alone.json"
    if not kept.exists():
        write_json(kept, {name: _alone(name, runs, folder / "alone" / name) for name in _COMMANDS})
    return Prepared(runs, json.loads(kept.read_text()))


def _alone(name: str, runs: Runs, folder: Path) -> dict[str, Any]:
    """Returns the results of a command that nothing disturbs."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(runs.half if name == "train" else runs.finished, folder / "run")
    done = run(_command(name, runs, folder))
    assert not done.returncode, f"{name}: {done.stderr}"
    return results_of(folder)


def attempt(prepared: Prepared, folder: Path, rng: random.Random) -> str:
    """Starts two programs, and compares what they leave with what each leaves alone."""
    pair, delay = rng.choice(PAIRS), rng.uniform(0.0, _LATEST)
    delays = (0.0, delay) if rng.random() < 0.5 else (delay, 0.0)
    runs, shown = prepared.runs, " beside ".join(pair)
    shutil.copytree(runs.half if "train" in pair else runs.finished, folder / "run")
    ends = _race([_command(name, runs, folder) for name in pair], delays, folder)
    for ended in ends:
        check_end(ended, (0, 2), shown)
    losers = [ended.stderr for ended in ends if ended.status == 2]
    demand(len(losers) < 2, f"{shown}: both refused: {losers}")
    may_lose = (pair[0] == pair[1] and pair[0] in _EXCLUSIVE) or pair == _TOO_EARLY
    demand(may_lose or not losers, f"{shown}: refused: {losers}")
    demand(not remains_of(folder), f"{shown}: unfinished files remain: {remains_of(folder)}")
    if "train" in pair:
        demand(arrays_of(folder / "run") == arrays_of(runs.finished), f"{shown}: other parameters")
    _compare(prepared, pair, results_of(folder), shown)
    if pair[0] not in _WITHOUT_A_RUN:
        scores = "run/scores.json dev"
        after = run(_command("evaluate", runs, folder))
        check_end(end_of(after), (0,), f"evaluate after {shown}")
        demand(
            results_of(folder)[scores] == prepared.alone["train"][scores], f"{shown}: other scores afterwards"
        )
    return "one refused" if losers else "both correct"


def _compare(prepared: Prepared, pair: Sequence[str], found: dict[str, Any], shown: str) -> None:
    """Compares what two programs left with what each leaves alone.

    Beside a training, a program reads the epoch that is the best at its moment. Then only results of the
    training are compared.

    Raises:
      Broken: a result is missing, damaged or another one.
    """
    expected = {name: value for each in pair for name, value in prepared.alone[each].items()}
    if "train" in pair:
        missing = {name for name in expected if not name.startswith("run/") and name not in found}
        demand(not missing, f"{shown}: missing {missing}")
        expected = prepared.alone["train"]
    for name, value in expected.items():
        demand(found.get(name) == value, f"{shown}: another {name}: {str(found.get(name))[:500]}")


def results_of(folder: Path) -> dict[str, Any]:
    """Returns the contents of all results in a folder, by name.

    Raises:
      ValueError: a result is damaged.
    """
    found: dict[str, Any] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        if name in ("run/scores.json", "run/calibration.json"):
            found.update({f"{name} {key}": value for key, value in json.loads(path.read_text()).items()})
        elif path.suffix == ".jsonl" and path.name != "metrics.jsonl":
            found[name] = [json.loads(line) for line in path.read_text().splitlines()]
        elif not name.startswith("run/") or path.name == "report.html":
            found[name] = file_digest(path)
    return found


def _race(commands: Sequence[list[str]], delays: Sequence[float], folder: Path) -> list[Ended]:
    """Runs two programs, each after a delay, and returns their ends."""
    running, start = {}, time.monotonic()
    for number in sorted((0, 1), key=lambda number: delays[number]):
        time.sleep(max(0.0, start + delays[number] - time.monotonic()))
        running[number] = Program(commands[number], folder / f"output_{number}")
    return [running[number].end(_SECONDS) for number in (0, 1)]


def _command(name: str, runs: Runs, folder: Path) -> list[str]:
    """Returns the command line of a program that works in a folder, which has a run."""
    workdir, data = f"--workdir={folder / 'run'}", f"--data={runs.place.data}"
    if name == "train":
        return runs.training(folder / "run")
    python = [sys.executable, "-m"]
    program, *flags = _COMMANDS[name]
    words = [flag.format(workdir=workdir, data=data, folder=folder, source=runs.place.data) for flag in flags]
    if program in ("evaluate", "extract", "report", "export"):
        return runs.place.cman(program, *words)
    return [*python, *(["cman_jax.app"] if "." not in program else []), program, *words]


ROWS = (
    Row(
        "races",
        f"two programs on one folder or one output at the same time, {len(PAIRS)} pairs of commands",
        60,
        "one proceeds and the other is refused by one line, or both are correct",
        prepare,
        attempt,
        seconds=600.0,
    ),
)
