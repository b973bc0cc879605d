"""The command: a run is packed, installed, and used by name from an empty folder."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.finished_run import finished_run


def cman(folder: Path, site: Path, words: Sequence[str], text: str = "") -> subprocess.CompletedProcess:
    """Runs a command in a folder, with the packages in `site` installed."""
    path = os.pathsep.join(map(str, (ROOT, site)))
    return subprocess.run(
        [sys.executable, "-m", "cman_jax.app", *words],
        input=text,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    finished_run(folder)
    return folder


def test_an_installed_run_extracts_the_same_bytes_from_anywhere(workdir: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    done = cman(empty, site, ["package", f"--workdir={workdir}", "--name=small-model", f"--out={tmp_path}"])
    assert (done.returncode, done.stderr) == (0, "")
    wheel = tmp_path / "small_model-1.0.0-py3-none-any.whl"
    assert done.stdout.startswith(f"{wheel}: 0.")
    zipfile.ZipFile(wheel).extractall(site)
    lines = '["Ada", "Lovelace", "lived", "in", "London", "."]\n["Ben", "left", "Acme", "."]\n'
    expected = cman(empty, site, ["extract", f"--workdir={workdir}"], lines)
    found = cman(empty, site, ["extract", "--workdir=small-model"], lines)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == expected.stdout
    assert found.stdout.count("\n") == 2
    assert not list(empty.iterdir())


def test_a_mistake_is_one_line(workdir: Path, tmp_path: Path) -> None:
    done = cman(tmp_path, tmp_path, ["package", f"--workdir={workdir}", "--name=numpy", "--out=dist"])
    expected = "error: name: found 'numpy', the name of an installed module, expected a name of its own\n"
    assert (done.returncode, done.stderr) == (2, expected)
    assert not (tmp_path / "dist").exists()
