"""Several runs in --workdir: extraction and evaluation average them, other commands name the mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.data.corpus import write_jsonl
from tests.builders import SENTENCES
from tests.finished_run import finished_run
from tests.forked import Forked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of a small network, and a corpus."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("a", "b"):
        finished_run(folder / name)
    write_jsonl(folder / "data" / "test.jsonl", SENTENCES)
    return folder


def command(forked: Forked, folder: Path, name: str, *flags: str) -> subprocess.CompletedProcess:
    """Runs a command with both runs."""
    runs = f"--workdir={folder / 'a'},{folder / 'b'}"
    return forked([sys.executable, "-m", "cman_jax.app", name, runs, *flags])


def test_extraction_averages_the_runs(forked: Forked, folder: Path) -> None:
    (folder / "in.txt").write_text("Ann Lee lives in Oslo.\n")
    done = command(
        forked, folder, "extract", f"--input={folder / 'in.txt'}", f"--output={folder / 'out.jsonl'}"
    )
    assert done.returncode == 0, done.stderr
    assert "note: the averaged probabilities are not calibrated" in done.stderr
    assert json.loads((folder / "out.jsonl").read_text())["text"] == "Ann Lee lives in Oslo."


def test_evaluation_averages_the_runs_and_writes_nothing(forked: Forked, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = command(forked, folder, "evaluate", f"--data={folder / 'data'}")
    assert done.returncode == 0, done.stderr
    assert "test, 2 runs averaged" in done.stdout
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    done = command(forked, folder, "evaluate", f"--data={folder / 'data'}", "--calibrate")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "found --calibrate, expected a single run in --workdir" in done.stderr


def test_another_command_takes_one_run(forked: Forked, folder: Path) -> None:
    done = command(forked, folder, "report", f"--data={folder / 'data'}")
    assert done.returncode == 2
    assert done.stderr == "error: --workdir: found 2 runs, expected one run for this command\n"


def test_a_folder_of_runs_and_an_empty_name_are_named(forked: Forked, folder: Path) -> None:
    program = [sys.executable, "-m", "cman_jax.app", "report", f"--data={folder / 'data'}"]
    done = forked([*program, f"--workdir={folder}"])
    expected = "found no config.json, but runs in a, b, expected the working directory of a training run"
    assert done.stderr == f"error: {folder}: {expected}\n"
    done = forked([*program, f"--workdir={folder / 'a'},"])
    assert done.stderr.startswith("error: --workdir: found an empty name in ")


def test_a_cache_that_cannot_be_is_a_note(forked: Forked, folder: Path) -> None:
    (cache := folder / "file").touch()
    given = (f"--workdir={folder / 'a'}", f"--data={folder / 'data'}", f"--compilation_cache={cache}")
    done = forked([sys.executable, "-m", "cman_jax.app", "evaluate", *given])
    note = f"note: programs are compiled anew each time, because of {cache}: it is not a folder\n"
    assert (done.returncode, done.stderr) == (0, note)
