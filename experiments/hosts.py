"""Measures how far training depends on the hosts that share its batches: two hosts beside one device.

    python -m experiments.hosts --data=data/conll04 --out=docs/results/hosts.json

The hosts are two processes of this machine, each with one device of the CPU, so no time is measured. Batches,
dropout and differences are those of `experiments.devices`.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import numpy as np
from absl import flags

from cman_jax.app.corpus_flags import corpus_of_flags
from cman_jax.app.flags import define_config
from cman_jax.app.hosts_flags import on_hosts
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.files import json_text, write_json
from cman_jax.training.hosts import Hosts
from cman_jax.training.member import Job, Member
from experiments.devices import largest_difference, params_after

HOSTS = 2


def main(argv: Sequence[str]) -> int:
    """Measures as the flags say, and prints a row for each type; a host only computes its part."""
    del argv
    if flags.FLAGS.arrays:
        return on_hosts(_write_arrays)
    found = []
    for dtype in ("float32", "float64"):
        with TemporaryDirectory() as folder:
            alone, together = (Path(folder) / f"{name}.npz" for name in ("alone", "together"))
            _run(f"--arrays={alone}", f"--dtype={dtype}", "--num_processes=1")
            _run_hosts(f"--arrays={together}", f"--dtype={dtype}")
            with np.load(alone) as one, np.load(together) as several:
                difference = largest_difference(several.values(), one.values())
        row = {"dtype": dtype, "parallel": "mesh", "hosts": HOSTS, "devices": HOSTS, "difference": difference}
        print(json_text(row), flush=True)
        found.append(row)
        if flags.FLAGS.out:
            write_json(Path(flags.FLAGS.out), {"steps": flags.FLAGS.steps, "ways": found})
    return 0


def _write_arrays(hosts: Hosts) -> int:
    """Trains some steps on this host, and writes the parameters if it is the first one."""
    start_jax()
    dtype = np.dtype(flags.FLAGS.dtype).type
    with TemporaryDirectory() as folder:
        member = Member(Job(_CONFIG.value, corpus_of_flags().splits, Path(folder) / "run"), None, None)
        with jax.enable_x64(dtype is np.float64):
            parallel = "jit" if jax.process_count() == 1 else "mesh"
            params = params_after(member, dtype, parallel, jax.device_count(), flags.FLAGS.steps)
        member.close()
    if hosts.first:
        np.savez(flags.FLAGS.arrays, *jax.tree.leaves(params))
    return 0


def _run(*more: str) -> None:
    """Runs this program with further flags."""
    subprocess.run(_command(*more), check=True)


def _run_hosts(*more: str) -> None:
    """Runs this program on all hosts at once."""
    named = ("--coordinator=127.0.0.1:8477", f"--num_processes={HOSTS}")
    commands = [_command(*more, *named, f"--process_id={k}") for k in range(HOSTS)]
    for process in [subprocess.Popen(command) for command in commands]:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, process.args)


def _command(*more: str) -> list[str]:
    """Returns the command of this program with further flags."""
    return [sys.executable, "-m", "experiments.hosts", *sys.argv[1:], *more]


if __name__ == "__main__":
    _CONFIG = define_config("conll04")
    flags.DEFINE_integer("steps", 20, "Number of training steps of each way.", lower_bound=1)
    flags.DEFINE_string("out", None, "JSON file of the differences; without one they are only printed.")
    flags.DEFINE_string("arrays", None, "File of parameters that a host writes; the program sets it.")
    flags.DEFINE_enum("dtype", "float32", ["float32", "float64"], "Type of a host; the program sets it.")
    run_main(main)
