"""The command `cman`: one line per command, one line for a mistake, and help without absl's flags."""

import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax import __version__
from cman_jax.app.__main__ import COMMANDS
from tests.forked import Forked


def cman(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cman_jax.app", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=120)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_the_overview_has_one_line_for_each_command(arguments: tuple[str, ...]) -> None:
    shown = cman(*arguments)
    assert (shown.returncode, shown.stderr) == (0, "")
    for name, about in COMMANDS.items():
        assert [
            line.split(maxsplit=1)[1] for line in shown.stdout.splitlines() if line.startswith(f"  {name} ")
        ] == [about]


def test_the_version_is_that_of_the_package() -> None:
    assert cman("--version").stdout == f"cman {__version__}\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("trian", "'train'"),
        ("predict", "one of train, evaluate, report, extract, serve, validate, convert"),
        ("--threshold=1", "one of"),
    ],
)
def test_a_command_that_does_not_exist_is_one_line(name: str, expected: str) -> None:
    ended = cman(name)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"error: command: found {name!r}, expected {expected}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_flags_of_this_project_alone(name: str, forked: Forked) -> None:
    shown = forked(["-m", "cman_jax.app", name, "--help"])
    assert (shown.returncode, shown.stderr) == (0, "")
    flags = {line.split("=")[0].strip() for line in shown.stdout.splitlines() if line.startswith("  --")}
    assert not flags & {
        "--alsologtostderr",
        "--verbosity",
        "--help",
        "--pdb",
        "--[no]logtostderr",
        "--flagfile",
    }
    wanted = {
        "train": {"--config", "--data", "--workdir", "--vectors", "--encoder", "--features", "--population"},
        "evaluate": {"--workdir", "--data", "--split", "--threshold", "--anchor", "--encoder", "--features"},
        "report": {"--workdir", "--data", "--split", "--out", "--threshold", "--encoder", "--features"},
        "extract": {"--workdir", "--input", "--output", "--threshold", "--features", "--compilation_cache"},
        "serve": {"--workdir", "--host", "--port", "--threshold", "--encoder", "--max_bytes", "--timeout"},
        "validate": {"--data", "--format"},
        "convert": {"--data", "--format", "--to", "--out", "--split"},
        "package": {"--workdir", "--name", "--version", "--out"},
        "export": {"--workdir", "--out", "--encoder", "--features", "--threshold", "--compilation_cache"},
    }
    assert wanted[name] <= flags


@pytest.mark.parametrize("flag", ["--help=1", "--helpxml", "--helpfull"])
def test_every_form_of_help_is_the_help_of_this_project(flag: str, forked: Forked) -> None:
    shown, expected = (forked(["-m", "cman_jax.app", "validate", each]) for each in (flag, "--help"))
    assert (shown.returncode, shown.stderr, shown.stdout) == (0, "", expected.stdout)


def test_a_required_flag_is_named() -> None:
    ended = cman("validate")
    assert (ended.returncode, ended.stderr) == (1, "error: flags: found no --data, expected a value for it\n")


def test_a_packaged_config_is_found_from_any_folder(tmp_path: Path) -> None:
    ended = cman("train", "--config=conl04", "--data=x", "--workdir=y", cwd=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "error: flags: found --config=conl04, expected one of ade, conll04, conll04_minilm"
    )
    ended = cman("train", "--config=conll04", "--data=nowhere", "--workdir=y", cwd=tmp_path)
    assert (ended.returncode, ended.stderr.split(",")[0]) == (
        2,
        "error: nowhere: found no such file or folder",
    )
    assert not list(tmp_path.iterdir())


def test_ctrl_c_during_the_imports_is_one_line() -> None:
    """An exception there would abort the process, inside the import of a compiled module."""
    program = (
        "import sys, signal, importlib; from cman_jax.app import __main__ as main\n"
        "importlib.import_module = lambda name: signal.raise_signal(signal.SIGINT)\n"
        "sys.argv = ['cman', 'train']; main.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "error: interrupted\n")
