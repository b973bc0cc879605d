"""Measures how long a user waits at the start: for the first extraction, and for the first step of training.

    python -m experiments.start --workdir=runs/conll04 --repetitions=5 --out=start.json
    python -m experiments.start --data=data/conll04 --vectors=vectors.txt.gz --repetitions=3
    python -m experiments.start --workdir=runs/conll04 --against=../before --out=start.json

Every measurement is a new process. An extraction of one sentence finds the programs that the one before has
kept; a training finds none. --against measures another checkout in turns with this one. Wall time depends on
what else the machine does, processor time (user and system, all threads) less so.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from cman_jax.app.program import run_main
from cman_jax.files import json_text, write_json
from experiments.benchmarking.report import machine

ROOT = Path(__file__).resolve().parent.parent
SENTENCE = "Jane Roe works for Acme in Boston.\n"

_FIRST_STEP = """
import os, sys
from pathlib import Path
from cman_jax.compilation import start
from cman_jax.configs import {config}
from cman_jax.data.corpus import load_splits
from cman_jax.training.loop import train
from cman_jax.training.progress import Progress

class UntilTheFirstStep(Progress):
    def advance(self, num_sentences):
        if num_sentences:
            os._exit(0)

folder, data, vectors = sys.argv[1:]
start(Path(folder, "compiled"))
options = {{"vectors": Path(vectors) if vectors else None, "progress": UntilTheFirstStep()}}
train({config}.get_config(), load_splits(data), Path(folder, "run"), **options)
"""
"""A training that ends after its first step; it runs in other checkouts too."""


def seconds_of(checkout: Path, arguments: Sequence[str]) -> dict[str, float]:
    """Returns the wall time and the processor time of a Python process that runs the code of a checkout.

    Raises:
      subprocess.CalledProcessError: the process fails.
    """
    command = [sys.executable, *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"wall": round(wall, 2), "processor": round(usage.ru_utime + usage.ru_stime, 2)}


def first_extraction(checkout: Path, run: Path, cache: Path) -> dict[str, float]:
    """Returns the times of `cman extract` of one sentence, with the programs in a folder."""
    sentence = cache.parent / "sentence.txt"
    sentence.write_text(SENTENCE, encoding="utf-8")
    options = [f"--workdir={run.resolve()}", f"--input={sentence}", f"--compilation_cache={cache}"]
    return seconds_of(checkout, ["-m", "cman_jax.app", "extract", *options])


def first_step(checkout: Path, config: str, data: Path, vectors: Path | None) -> dict[str, float]:
    """Returns the times from nothing to the end of the first step of training."""
    program = _FIRST_STEP.format(config=config)
    with tempfile.TemporaryDirectory() as folder:
        read = [str(data.resolve()), str(vectors.resolve()) if vectors else ""]
        return seconds_of(checkout, ["-c", program, folder, *read])


def in_turns(checkouts: dict[str, Path], repetitions: int, measure: Any) -> dict[str, Any]:
    """Returns all times of each checkout, measured in turns, and their medians.

    Args:
      checkouts: the folders of the code, by name.
      repetitions: number of measurements of each.
      measure: returns the times of one measurement of the checkout with a name.
    """
    times: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for _ in range(repetitions):
        for name in checkouts:
            times[name].append(measure(name))
    return {name: _summary(each) for name, each in times.items()}


def _summary(times: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Returns the times by kind, each with its median."""
    kinds = {kind: [each[kind] for each in times] for kind in times[0]}
    return {kind: {"median": statistics.median(all_), "all": all_} for kind, all_ in kinds.items()}


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say, and prints the figures."""
    del argv
    values = flags.FLAGS
    checkouts = {"before": Path(values.against).resolve()} if values.against else {}
    checkouts["now"] = ROOT
    figures: dict[str, Any] = {"machine": machine(), "seconds": {}}
    for run in map(Path, values.workdir):
        with tempfile.TemporaryDirectory() as folder:
            caches = {name: Path(folder, name) for name in checkouts}
            measure = lambda name, run=run, caches=caches: first_extraction(  # noqa: E731
                checkouts[name], run, caches[name]
            )
            filled = {name: measure(name) for name in checkouts}
            found = in_turns(checkouts, values.repetitions, measure)
        figures["seconds"][f"extraction, {run.name}"] = {"empty cache": filled, "kept programs": found}
    if values.data:
        vectors = Path(values.vectors) if values.vectors else None
        measure = lambda name: first_step(checkouts[name], values.settings, Path(values.data), vectors)  # noqa: E731
        figures["seconds"]["first step"] = in_turns(checkouts, values.repetitions, measure)
    print(json_text(figures, indent=2))
    if values.out:
        write_json(Path(values.out), figures)


if __name__ == "__main__":
    flags.DEFINE_list("workdir", [], "Trained runs to extract with, separated by commas.")
    flags.DEFINE_string("data", None, "Folder with train.jsonl and dev.jsonl, to measure the first step.")
    flags.DEFINE_string("vectors", None, "File of pretrained word vectors for it.")
    flags.DEFINE_string("settings", "conll04", "Name of its packaged config.")
    flags.DEFINE_string("against", None, "Another checkout, which is measured in turns with this one.")
    flags.DEFINE_integer("repetitions", 5, "Number of measurements of each kind.", 1)
    flags.DEFINE_string("out", None, "File for the figures; by default they are only printed.")
    run_main(main)
