"""The wheel and the source distribution: the same bytes from the same files, and nothing but the library."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from cman_jax.version import __version__
from tests.documents import ROOT

pytest.importorskip("hatchling", reason="needs hatchling, of the extra test")


def built(folder: Path, epoch: int) -> list[Path]:
    """Returns the wheel and the source distribution that a copy of the project in a new folder builds."""
    folder.mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "cman_jax", folder / "cman_jax", ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        os.utime(path, (epoch, epoch))
    command = [sys.executable, "-m", "hatchling", "build", "--directory", "dist"]
    environment = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return sorted((folder / "dist").iterdir())


def test_two_builds_have_the_same_bytes_and_the_files_of_the_library(tmp_path: Path) -> None:
    first, second = built(tmp_path / "a", 1_500_000_000), built(tmp_path / "b" / "other", 1_600_000_000)
    wheel, source = f"cman_jax-{__version__}-py3-none-any.whl", f"cman_jax-{__version__}.tar.gz"
    assert [path.name for path in first] == [wheel, source] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    library = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "cman_jax").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = set(zipfile.ZipFile(first[0]).namelist())
    assert {name for name in packed if ".dist-info/" not in name} == library
    with tarfile.open(first[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == library | {"pyproject.toml", "README.md", "LICENSE", ".gitignore", "PKG-INFO"}


def test_every_extra_is_documented() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    rows = [line for line in (ROOT / "BUILD.md").read_text().splitlines() if line.startswith("| `")]
    named = "".join(rows)
    assert not [extra for extra in extras if f"`{extra}`" not in named]
