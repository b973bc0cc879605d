"""How programs end: one line on stderr and the right exit status, never a traceback."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.run.checkpoint import Checkpoints

PROGRAM = """
from cman_jax.errors import InputError
from cman_jax.app.program import run_main

def main(argv):
    {body}

run_main(main)
"""


def run(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program whose main function has this body."""
    command = [sys.executable, "-c", PROGRAM.format(body=body), *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=120)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("print('done')", 0, ""),
        ("return 2", 2, ""),
        ("raise InputError('a.txt', 7, 'x', 'y')", 2, "error: a.txt:7: found x, expected y\n"),
        ("open('/no/where')", 2, "error: /no/where: No such file or directory\n"),
        (r"raise InputError('a\nb', None, 'x', 'y\r')", 2, "error: a\\nb: found x, expected y\\r\n"),
        (r"open('/no\nwhere')", 2, "error: /no\\nwhere: No such file or directory\n"),
        ("raise OSError('the wire is cut')", 2, "error: the wire is cut\n"),
        ("raise KeyboardInterrupt", 130, "error: interrupted\n"),
    ],
)
def test_endings(body: str, status: int, error: str) -> None:
    ended = run(body)
    assert (ended.returncode, ended.stderr) == (status, error)


TOO_MUCH = {
    "a list": "[0] * 2**60",
    "NumPy": "import numpy; numpy.ones(2**48)",
    "the result of a program": "import jax.numpy; jax.numpy.ones((2**23, 2**23)).block_until_ready()",
    "a program": "import jax; from jax.numpy import ones; "
    "jax.jit(lambda x: jax.lax.fori_loop(0, 3, lambda i, a: a * 2, x[:, None] + x)[0])(ones(2**23))",
    "a thread": "from concurrent.futures import ThreadPoolExecutor as Pool; "
    "Pool(1).submit(lambda: [0] * 2**60).result()",
}


@pytest.mark.parametrize("body", TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_little_memory_is_one_line_and_never_an_endless_wait(body: str) -> None:
    ended = run(f"from cman_jax.compilation import start; start(); {body}")
    assert ended.returncode == 2
    assert re.fullmatch(
        r"error: out of memory \(.+\): use smaller batches \(config\.training\.batch_size\), split long "
        r"sentences, or run on a machine with more memory\n",
        ended.stderr,
    )


def test_what_had_too_little_memory_is_named() -> None:
    steps = "from cman_jax.compilation import Ahead, compiler_threads; import jax, jax.numpy as jnp; "
    fail = "from cman_jax.errors import noting_what\n    def step(x): raise MemoryError('17 bytes')"
    prepared = "step = Ahead(jax.jit(step))\n    with compiler_threads() as c: step.prepare(c, 1)"
    ended = run(f"{steps}\n    {fail}\n    {prepared}\n    with noting_what('training'): step(1)")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: out of memory while training (17 bytes): use smaller batches (")
    assert ended.stderr.count("\n") == 1


def test_a_checkpoint_that_cannot_be_written_is_one_line_and_leaves_the_one_before(tmp_path: Path) -> None:
    ended = run(
        "import collections, numpy, resource; from pathlib import Path; "
        "from cman_jax.run.checkpoint import Checkpoints; "
        "state = collections.namedtuple('State', 'step params opt_state')(*[{'a': numpy.ones(9)}] * 3); "
        f"checkpoints = Checkpoints(Path({str(tmp_path)!r})); checkpoints.save(1, state, 1.0); "
        "checkpoints._manager.wait_until_finished(); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8)); "  # as if the disk were full
        "checkpoints.save(2, state, 2.0); checkpoints.close()"
    )
    expected = "a disk with free space and permission to write; then start the same training again"
    found = "a checkpoint that cannot be written (File too large)"
    assert (ended.returncode, ended.stderr) == (2, f"error: {tmp_path}: found {found}, expected {expected}\n")
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        assert checkpoints.epochs() == [1]


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    assert "ZeroDivisionError" in run("1 / 0").stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    command = [sys.executable, "-c", PROGRAM.format(body="print('line\\n' * 100_000)")]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        assert program.stderr.read() == ""
        assert program.wait() == 0
