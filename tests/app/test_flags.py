"""A mistake in the flags, or in a setting under --config, is one line with status 1, in every program."""

import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.app.flags import unknown_field

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
from cman_jax.app.program import run_main
from cman_jax.app.flags import define_config

config = define_config()
run_main(lambda argv: print(config.value.training.num_epochs))
"""


def run(*flags: str, cwd: Path = ROOT) -> tuple[int, str, str]:
    command = [sys.executable, "-c", PROGRAM, *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={"PYTHONPATH": str(ROOT)})
    return done.returncode, done.stdout, done.stderr


def test_settings_are_set() -> None:
    assert run("--config.training.num_epochs=3", "--noconfig.model.null_relation") == (0, "3\n", "")
    assert run("--config=cman_jax/configs/ade.py", "--config.training.num_epochs", "4") == (0, "4\n", "")


A_CONFIG = "expected a Python file whose get_config() returns a cman_jax.config.Config"
NEAREST = "the nearest name"
LISTED = (
    "a field of config.model, config.data, config.training, config.encoder, config.decoding, config.scoring"
)


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        (
            "--config.training.epochs=3",
            "flags: found the setting config.training.epochs, expected config.training.num_epochs, "
            f"{NEAREST}",
        ),
        (
            "--noconfig.model.null_relaton",
            "flags: found the setting config.model.null_relaton, "
            f"expected config.model.null_relation, {NEAREST}",
        ),
        ("--config.=1", f"flags: found the setting config., expected {LISTED}"),
        ("--config.x.y=1", f"flags: found the setting config.x.y, expected {LISTED}"),
        (
            "--config.training.num_epochs=three",
            "flag --config.training.num_epochs=three: invalid literal for int() with base 10: 'three'",
        ),
        ("--config=nowhere.py", f"nowhere.py: found no such file, {A_CONFIG}"),
        ("--confg=ade.py", "Unknown command line flag 'confg'. Did you mean: config ?"),
        (
            "--noconfig.model.null_relation=1",
            "flags: found --noconfig.model.null_relation=1 does not take an argument, "
            "expected flags and values as --help shows them",
        ),
        ("--flagfile=tests", "ERROR:: Unable to open flagfile: [Errno 21] Is a directory: 'tests'"),
        ("ade", "flags: found the argument 'ade', expected only flags, as --name=value"),
    ],
)
def test_a_mistake_is_one_line(flag: str, line: str) -> None:
    assert run(flag) == (1, "", f"error: {line}\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "from cman_jax.config import Config\ndef get_config():\n Config().model.heads = 3",
            "the file of --config: found 'ModelConfig' object has no attribute 'heads', "
            "expected config.model.num_heads, the nearest name",
        ),
        ("", f"the file of --config: found module 'config_config' has no attribute 'get_config', {A_CONFIG}"),
        ("def get_config():\n return {}", f"{{path}}: found a dict from get_config(), {A_CONFIG}"),
    ],
)
def test_a_file_that_gives_no_config_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    assert run(f"--config={path}") == (1, "", f"error: {line.format(path=path)}\n")


def test_the_default_is_found_from_any_folder(tmp_path: Path) -> None:
    assert run("--config.training.num_epochs=1", cwd=tmp_path) == (0, "1\n", "")
    assert run("--config", "ade", "--config.training.num_epochs=5", cwd=tmp_path) == (0, "5\n", "")


def test_a_field_of_a_packaged_config_is_as_its_file_says() -> None:
    assert run("--config=multihead_conll04") == (0, "130\n", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("training.num_epochs", None),
        ("training.epochs", "config.training.num_epochs, the nearest name"),
        ("trainin.num_epochs", "config.training.num_epochs, the nearest name"),
        ("epochs", "config.training.num_epochs, the nearest name"),
        ("training.num_heads", "config.model.num_heads, the nearest name"),
        ("model.network.kind", "config.model.network, the nearest name"),
        ("scoring.cut", "config.scoring. and one of match, average, other, overlap"),
        ("scoring", "config.scoring. and one of match, average, other, overlap"),
        ("x.y", LISTED),
    ],
)
def test_a_name_that_is_no_field_s_has_a_nearest_one(name: str, expected: str | None) -> None:
    assert unknown_field(name) == expected
