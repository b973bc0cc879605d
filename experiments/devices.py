"""Measures how far training depends on how devices share its batches: every way beside one device.

    python -m experiments.devices --data=data/conll04 --out=docs/results/devices.json

The devices are forced ones of the CPU, so no time is measured. Each way takes the same steps on the same
batches, with dropout. A difference is `|a - b| / (1 + |b|)`, and the largest one of all parameters is stored:
in float32, and in float64, where rounding matters less.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import numpy as np
from absl import flags

from cman_jax.app.corpus_flags import corpus_of_flags
from cman_jax.app.flags import define_config
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.files import json_text, write_json
from cman_jax.training.epoch import groups_of, run_epoch
from cman_jax.training.loop import make_step
from cman_jax.training.member import Job, Member
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.progress import Progress
from cman_jax.training.step import train_step
from cman_jax.training.stopping import Stop
from cman_jax.types import Params

_MOST = 8
WAYS = (("jit", 1), *(("pmap", n) for n in (1, 2, 4, 8)), *(("mesh", n) for n in (1, 2, 4, 8)))


def params_after(member: Member, dtype: type, parallel: str, num_devices: int, num_steps: int) -> Params:
    """Returns the parameters after the first steps of a training.

    Args:
      member: the run; its files stay as they are.
      dtype: the floating type of the parameters.
      parallel, num_devices: how devices share the batches.
      num_steps: number of steps, at most an epoch.
    """
    optimizer = make_optimizer(member.system.config.training, len(member.examples))
    step = partial(train_step, member.system.model, optimizer)
    step = make_step([member], step, num_devices, parallel)
    state = member.start_after(0, optimizer)
    cast = partial(jax.tree.map, lambda x: x.astype(dtype) if x.dtype == np.float32 else x)
    groups = groups_of([member], 1)[:num_steps]
    state, _ = run_epoch(step, step.place([cast(state)]), [member], groups, 1, Progress(), Stop())
    params = jax.device_get(step.fetch(state)[0].params)
    jax.clear_caches()  # the programs of all ways need more mappings of memory than Linux allows a process
    return params


def rows(member: Member, num_steps: int) -> Iterator[dict[str, Any]]:
    """Yields the largest difference of each way from one device, in each floating type."""
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype is np.float64):
            first = None
            for parallel, num_devices in WAYS:
                found = jax.tree.leaves(params_after(member, dtype, parallel, num_devices, num_steps))
                first = first or found
                yield {
                    "dtype": dtype.__name__,
                    "parallel": parallel,
                    "devices": num_devices,
                    "difference": largest_difference(found, first),
                }


def largest_difference(found: Iterable[np.ndarray], expected: Iterable[np.ndarray]) -> float:
    """Returns the largest `|a - b| / (1 + |b|)` of all numbers of two lists of arrays."""
    pairs = zip(found, expected, strict=True)
    return max(float(np.max(np.abs(a - b) / (1 + np.abs(b)))) for a, b in pairs)


def main(argv: Sequence[str]) -> None:
    """Measures as the flags say, and prints a row for each way."""
    del argv
    forced = f"--xla_force_host_platform_device_count={_MOST}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {forced}"
    start_jax()
    splits, found = corpus_of_flags().splits, []
    with TemporaryDirectory() as folder:
        member = Member(Job(_CONFIG.value, splits, Path(folder) / "run"), None, None)
        for row in rows(member, flags.FLAGS.steps):
            found.append(row)
            print(json_text(row), flush=True)
            if flags.FLAGS.out:
                write_json(Path(flags.FLAGS.out), {"steps": flags.FLAGS.steps, "ways": found})
        member.close()


if __name__ == "__main__":
    _CONFIG = define_config("conll04")
    flags.DEFINE_integer("steps", 20, "Number of training steps of each way.", lower_bound=1)
    flags.DEFINE_string("out", None, "JSON file of the differences; without one they are only printed.")
    run_main(main)
