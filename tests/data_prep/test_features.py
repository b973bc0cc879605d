"""The program that fills a cache, with a stand-in for the encoder, and the encoders' names."""

import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.data.corpus import write_jsonl
from cman_jax.encoders.store.cache import FeatureCache
from tests.fake_encoder import SPEC, numbered

ROOT = Path(__file__).resolve().parents[2]

# The program with another module in the place of ELMo's.
PROGRAM = """
import runpy, sys, types
from tests.fake_encoder import FakeEncoder

class ElmoEncoder(FakeEncoder):
    def __init__(self, options_path, weights_path):
        super().__init__()
        print(f"elmo of {options_path.name} and {weights_path.name}, jax loaded: {'jax' in sys.modules}")

sys.modules["cman_jax.encoders.elmo.encoder"] = types.SimpleNamespace(ElmoEncoder=ElmoEncoder)
sys.argv[0] = "features"
runpy.run_module("data_prep.features", run_name="__main__", alter_sys=True)
"""


def folder_of_elmo(folder: Path) -> Path:
    """A folder with ELMo's files, which are empty."""
    (folder / "elmo").mkdir()
    for name in ("options.json", "weights.hdf5"):
        (folder / "elmo" / name).touch()
    return folder / "elmo"


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A corpus of 100 sentences in three splits, 90 of them different."""
    for split, numbers in {"train": range(70), "dev": range(65, 85), "test": range(80, 90)}.items():
        write_jsonl(tmp_path / "data" / f"{split}.jsonl", numbered(numbers))
    return tmp_path / "data"


def test_the_program_adds_all_splits_once_and_says_so(tmp_path: Path, data: Path) -> None:
    arguments = (f"--encoder={folder_of_elmo(tmp_path)}", f"--data={data}", f"--out={tmp_path / 'out'}")
    ran = program(*arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(
        "elmo of options.json and weights.hdf5, jax loaded: False\n"
        "100 sentences, 90 different: 0 there already, 90 encoded in "
    )
    assert f"{tmp_path / 'out'}: 90 sentences, 0.0 MiB" in ran.stdout
    cache = FeatureCache.open(tmp_path / "out")
    cache.check(numbered(range(90)))
    assert cache.spec == SPEC
    again = program(*arguments)
    assert "100 sentences, 90 different: 90 there already, 0 encoded in " in again.stdout


@pytest.mark.parametrize(
    ("encoder", "data_folder", "message"),
    [
        ("nowhere", "data", "error: encoder: found 'nowhere', expected minilm or mpnet, or a folder with"),
        ("elmo", "absent", "error: {folder}/absent: found no such directory"),
    ],
)
def test_the_program_reports_bad_input_on_one_line(
    encoder: str, data_folder: str, message: str, tmp_path: Path, data: Path
) -> None:
    encoder = str(folder_of_elmo(tmp_path)) if encoder == "elmo" else encoder
    out = tmp_path / "out"
    ran = program(f"--encoder={encoder}", f"--data={data.parent / data_folder}", f"--out={out}")
    assert ran.returncode == 2
    assert ran.stderr.startswith(message.format(folder=tmp_path))
    assert ran.stderr.count("\n") == 1
    assert not out.exists()
