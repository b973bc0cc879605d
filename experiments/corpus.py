"""Measures training on a corpus that stays on disk beside the same one in memory: memory, waiting, speed.

    python -m experiments.corpus --sentences=1000000 --out=docs/results/corpus.json

The corpus is generated into a temporary folder. Each way runs in a process of its own, in turns: it reads the
corpus, opens a run, takes one step of each shape, which compiles it, and then takes the measured steps of the
first epoch. Waiting is the time in which a step's batch is not built yet. `same_bits` says whether all
processes end with the same parameters. Dev and checkpoints are not part of the figures.
"""

import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import jax
from absl import flags

from cman_jax.app.flags import define_config
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.data.annotated import read_annotated
from cman_jax.data.batching import first_of_each
from cman_jax.data.corpus import load_splits, write_jsonl
from cman_jax.errors import InputError
from cman_jax.files import json_text, read_json, write_json
from cman_jax.memory import peak_memory
from cman_jax.training.epoch import Groups, groups_of, run_epoch
from cman_jax.training.loop import make_step, step_of_each
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.progress import Progress
from cman_jax.training.stopping import Stop
from data_prep.generated.corpus import SIZES, iterate

WAYS = {"on disk": lambda data: read_annotated(data).splits, "in memory": load_splits}


class Clock(Progress):
    """A display that notes when each step has ended.

    Attributes:
      times: the seconds at the start and after each step.
    """

    def __init__(self) -> None:
        self.times: list[float] = []

    def advance(self, num_sentences: int) -> None:
        """Notes the time."""
        self.times.append(time.perf_counter())


def write_corpus(folder: Path, num_sentences: int) -> None:
    """Writes a generated corpus with this many training sentences."""
    write_jsonl(folder / "train.jsonl", iterate(num_sentences, "train", 0))
    write_jsonl(folder / "dev.jsonl", iterate(SIZES["dev"], "dev", 0))


def measure(way: str, config: Any, data: Path, workdir: Path, num_steps: int) -> dict[str, Any]:
    """Returns the figures of one way in this process.

    Args:
      way: a name in `WAYS`.
      config: the experiment.
      data: the folder of the corpus.
      workdir: the folder of the run, which does not exist.
      num_steps: number of measured steps.
    """
    times = [time.perf_counter()]
    splits = WAYS[way](data)
    times.append(time.perf_counter())
    member = Member(Job(config, splits, workdir), None, None)
    times.append(time.perf_counter())
    groups = groups_of([member], 1)
    times.append(time.perf_counter())
    figures = {
        "sentences": len(splits["train"]),
        **{
            f"{what}_seconds": round(end - start, 1)
            for what, start, end in zip(
                ("reading", "opening", "planning"), times[:-1], times[1:], strict=True
            )
        },
        **_steps(member, groups, num_steps),
        "peak_gib": round(peak_memory() / 2**30, 2),
    }
    member.close()
    return figures


def _steps(member: Member, groups: Groups, num_steps: int) -> dict[str, Any]:
    """Returns the figures of the measured steps, after a step of each shape that an epoch has."""
    optimizer = make_optimizer(member.system.config.training, len(member.examples))
    step = make_step([member], step_of_each([member], optimizer), 1)
    state = step.place([member.start_after(0, optimizer)])
    first = first_of_each(groups, lambda plans: plans[0].length)
    state, _ = run_epoch(step, state, [member], first, 1, Progress(), Stop())
    chosen, clock = groups[:num_steps], Clock()
    state, rows = run_epoch(step, state, [member], chosen, 1, clock, Stop())
    each = [end - start for start, end in zip(clock.times[:-1], clock.times[1:], strict=True)]
    params = jax.device_get(step.fetch(state)[0].params)
    digest = hashlib.sha256(b"".join(leaf.tobytes() for leaf in jax.tree.leaves(params)))
    total = clock.times[-1] - clock.times[0]
    return {
        "step_milliseconds": round(1000 * median(each), 1),
        "waiting_percent": round(100 * rows[0]["waiting_seconds"] / rows[0]["seconds"], 2),
        "sentences_per_second": round(sum(len(plan.indices) for plan, *_ in chosen) / total, 1),
        "params": digest.hexdigest(),
    }


def _in_process(*options: str) -> None:
    """Runs this program with other flags; raises an InputError if it fails."""
    command = [sys.executable, "-m", "experiments.corpus", *options]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise InputError("a way", None, done.stderr.strip()[-500:], "a program that ends well")


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say, and prints a row for each process; such a process measures one way."""
    del argv
    f = flags.FLAGS
    if f.way:
        start_jax()
        out = Path(f.out)
        write_json(out, measure(f.way, _CONFIG.value, Path(f.data), out.with_suffix(".run"), f.steps))
        return
    found = []
    with TemporaryDirectory() as name:
        data = Path(f.data or f"{name}/data")
        if not f.data:
            write_corpus(data, f.sentences)
        for number in range(len(WAYS) * f.rounds):
            way, out = [*WAYS][number % len(WAYS)], Path(name) / f"{number}.json"
            own = (f"--way={way}", f"--data={data}", f"--out={out}")
            _in_process(*sys.argv[1:], *own)
            found.append({"way": way, **read_json(out)})
            print(json_text(found[-1]), flush=True)
        size = (data / "train.jsonl").stat().st_size
    same = len({row.pop("params") for row in found}) == 1
    about = {"bytes": size, "steps": f.steps, "cores": os.cpu_count(), "machine": platform.machine()}
    about |= {"batch_size": _CONFIG.value.training.batch_size, "same_bits": same}
    print(json_text(about), flush=True)
    if f.out:
        write_json(Path(f.out), {**about, "rows": found})


if __name__ == "__main__":
    _CONFIG = define_config("generated")
    flags.DEFINE_integer("sentences", 1_000_000, "Number of training sentences.", lower_bound=1)
    flags.DEFINE_integer("steps", 300, "Number of measured steps of each process.", lower_bound=2)
    flags.DEFINE_integer("rounds", 2, "Number of processes of each way.", lower_bound=1)
    flags.DEFINE_string("data", None, "Folder of a corpus to use instead of a generated one.")
    flags.DEFINE_string("out", None, "JSON file of the figures; without one they are only printed.")
    flags.DEFINE_enum("way", None, [*WAYS], "What this process measures; the program sets it.")
    run_main(main)
