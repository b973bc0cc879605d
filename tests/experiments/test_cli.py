"""How programs end: one line on stderr and the right exit status, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from cman_jax.data.errors import InputError
from experiments.cli import run_main

def main(argv):
    {body}

run_main(main)
"""


def run(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a program whose main function has this body."""
    command = [sys.executable, "-c", PROGRAM.format(body=body), *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("print('done')", 0, ""),
        ("return 2", 2, ""),
        ("raise InputError('a.txt', 7, 'x', 'y')", 2, "error: a.txt:7: found x, expected y\n"),
        ("open('/no/where')", 2, "error: /no/where: No such file or directory\n"),
        ("raise OSError('the wire is cut')", 2, "error: the wire is cut\n"),
        ("raise KeyboardInterrupt", 130, "error: interrupted\n"),
    ],
)
def test_endings(body: str, status: int, error: str) -> None:
    ended = run(body)
    assert (ended.returncode, ended.stderr) == (status, error)


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    assert "ZeroDivisionError" in run("1 / 0").stderr


def test_stray_arguments_are_refused() -> None:
    ended = run("print('ran')", "--", "data")
    assert ended.returncode == 1
    assert "found the argument 'data', expected only flags" in ended.stdout + ended.stderr
    assert "ran" not in ended.stdout


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
