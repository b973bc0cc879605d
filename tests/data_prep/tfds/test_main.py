"""Tests of the program `python -m data_prep.tfds`."""

import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.tfds import read_split
from cman_jax.data.formats.tfds_folders import find_prepared
from tests.builders import SENTENCES

ROOT = Path(__file__).resolve().parents[3]


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "data_prep.tfds", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_it_builds_and_says_how_to_read(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
    source, data_dir = tmp_path / "source", tmp_path / "data"
    write_jsonl(source / "train.jsonl", SENTENCES)
    arguments = ("--corpus=annotations/mine", f"--source={source}", f"--data_dir={data_dir}")
    done = program(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{data_dir}/annotations/mine/1.0.0: equal to its source\n  train: 4 sentences\noddities: none\n"
        f"read it with --data=tfds:annotations/mine --data_dir={data_dir}\n"
    )
    assert read_split(find_prepared("annotations/mine", data_dir) / "train").sentences == list(SENTENCES)
    write_jsonl(source / "train.jsonl", SENTENCES[1:])
    changed = program(*arguments)
    assert (changed.returncode, changed.stdout) == (2, "")
    assert changed.stderr.startswith(
        f"error: {data_dir}/annotations/mine/1.0.0/train: found sentence 1 (id '1' "
    )
    assert changed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--corpus=conll05",
            "found --corpus=conll05, expected one of conll04/bekoulis, conll04/spert, ade/f",
        ),
        ("--corpus=conll04/bekoulis", "conll04/bekoulis/1.0.0: found no source, expected a manual_dir"),
        ("--corpus=conll04/spert --num_dev=3", "found --num_dev, expected --corpus=generated"),
        ("--corpus=ade/full --tokens=spaces", "found --tokens, expected --corpus=annotations/NAME"),
        (
            "--corpus=annotations/../x --source=a",
            "found --corpus=annotations/../x, expected annotations/NAME",
        ),
        ("--corpus=generated --source=a", "found --source, expected no source, because"),
        ("--corpus=conll04/spert --source=nowhere", "nowhere/conll04_train.json: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(arguments: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
    done = program(*arguments.split(), f"--data_dir={tmp_path}")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_the_extra_the_message_names_it(tmp_path: Path) -> None:
    (tmp_path / "tensorflow_datasets.py").write_text("raise ImportError")
    command = [sys.executable, "-m", "data_prep.tfds", "--corpus=generated", f"--data_dir={tmp_path}"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 2
    assert done.stderr == (
        "error: data_prep.tfds: found a dataset of TensorFlow Datasets, expected the extra for it "
        "(pip install 'cman-jax[tfds]')\n"
    )
