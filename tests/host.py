"""A process that is one of several hosts in tests: quick trainings, or a few steps of a real network.

    python -m tests.host train [FLAGS OF cman train]
    python -m tests.host steps FILE PORT PROCESS_ID

Trainings have the small step of `test_stopping` in place of the network's, and predict nothing.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.documents import ROOT

LOST = "error: another host has ended or cannot be reached; see its messages, then start the command again "


class Hosts:
    """Two processes that train together.

    Args:
      arguments: the arguments of this module, without those that tell the processes apart.
      flags: further arguments of each process.
    """

    def __init__(self, arguments: Sequence[str], flags: Sequence[Sequence[str]] = ((), ())):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.processes = []
        for k, own in enumerate(flags):
            named = [f"--coordinator=127.0.0.1:{port}", "--num_processes=2", f"--process_id={k}"]
            more = named if arguments[0] == "train" else [str(port), str(k)]
            command = [sys.executable, "-m", "tests.host", *arguments, *more, *own]
            pipe = subprocess.PIPE
            self.processes.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT))

    def ends(self) -> list[tuple[int, str, str]]:
        """Returns the exit status, the output and the messages of each process."""
        outputs = [process.communicate(timeout=120) for process in self.processes]
        return [(p.returncode, *output) for p, output in zip(self.processes, outputs, strict=True)]

    def kill(self, number: int, which: Sequence[int], epochs: Path, first: int) -> float:
        """Sends a signal to some of the processes after some epochs; returns when."""
        deadline = time.monotonic() + 60
        while not epochs.exists() or epochs.read_text().count("\n") < first:
            assert time.monotonic() < deadline, "the run makes no progress"
            assert all(process.poll() is None for process in self.processes)
            time.sleep(0.01)
        for k in which:
            os.kill(self.processes[k].pid, number)
        return time.monotonic()


def _train() -> None:
    """Runs `cman train` on this host, quickly."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from cman_jax.app import train
    from cman_jax.app.program import run_main
    from cman_jax.inference.predict import Predictor
    from cman_jax.run.system import System
    from cman_jax.training import loop
    from cman_jax.types import Annotation
    from tests.training.test_stopping import small_step

    def init_params(self: System, key: Any) -> Any:
        return jax.tree.map(lambda x: jnp.asarray(np.full(x.shape, 0.1, x.dtype)), self.param_shapes())

    def predict(self: Predictor, params: Any, examples: Sequence[Any]) -> list[Annotation]:
        return [Annotation((), ()) for _ in examples]

    loop.train_step = small_step
    train.finish = lambda job, splits, encoder: print("finished", job.workdir)
    System.init_params, Predictor.__call__ = init_params, predict
    Predictor.prepare = lambda self, *arguments: None
    run_main(train.main)


def _steps(file: str, port: str, process_id: str) -> None:
    """Writes the parameters after some steps of a small network, with one device of each of two hosts."""
    import jax
    import numpy as np

    jax.distributed.initialize(f"127.0.0.1:{port}", 2, int(process_id))
    from tests.training.test_parallel import after_steps

    leaves = jax.tree.leaves(jax.device_get(after_steps(2, "mesh")))
    if process_id == "0":
        np.savez(file, *leaves)


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    if name == "train":
        sys.argv = ["cman train", *rest]
        _train()
    else:
        _steps(*rest)
