"""Builds that are killed, builds at the same time, and all published corpora, each checked by sentence.

    python -m tests.data_prep.tfds.campaign ../shared/data

Prints what the kills left behind, then compares the datasets of the published corpora in that folder with the
readers, field by field. The tests run a short form.
"""

import ast
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from absl import logging

from cman_jax.data.formats.spert import read_spert
from cman_jax.data.formats.tfds import read_split
from cman_jax.types import Sentence
from data_prep.ade import NUM_FOLDS, draw_dev
from data_prep.conll04 import SPLITS
from data_prep.conll04 import read_split as read_published
from data_prep.generated.corpus import generate
from data_prep.tfds.ade import Ade, fold_slices
from data_prep.tfds.conll04 import Conll04

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import sys
from absl import logging
logging.set_verbosity(logging.ERROR)  # as in the programs
from data_prep.tfds.generated import Generated, generated_config
builder = Generated(config=generated_config(*map(int, sys.argv[2:])), data_dir=sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
builder.prepare(None)
print("built", flush=True)
"""


def start(data_dir: Path, size: int, seed: int = 0) -> subprocess.Popen[str]:
    """Starts a process that builds a generated dataset as soon as it is told to."""
    command = [sys.executable, "-W", "error", "-c", CHILD, str(data_dir), str(size), "5", "5", str(seed)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    return process


def go(process: subprocess.Popen[str]) -> None:
    """Lets a started process build."""
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> None:
    """Waits for the end of a build, and checks that it was a success without any output."""
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, output, errors) == (0, "built\n", "")


def folder_of(data_dir: Path, size: int, seed: int = 0) -> Path:
    """Returns the folder of the dataset that `start` builds."""
    return data_dir / "generated" / f"{size}_5_5_seed{seed}" / "1.0.0"


def check(folder: Path, size: int, seed: int = 0) -> None:
    """Checks that a dataset has exactly the sentences that it should have."""
    for split, number in {"train": size, "dev": 5, "test": 5}.items():
        assert read_split(folder / split).sentences == generate(number, split, seed)


def remains_of(folder: Path) -> list[Path]:
    """Returns the temporary folders of builds."""
    return list(folder.parent.glob("incomplete.*"))


def kill_builds(data_dir: Path, size: int, kills: int, rng: random.Random) -> Counter[str]:
    """Kills builds at random moments, and returns how often each state was left behind.

    A build that was complete before its kill is not among the `kills`.

    After the last kill a build succeeds, and nothing but its dataset is there.
    """
    folder, states = folder_of(data_dir, size), Counter[str]()
    first = start(data_dir, size, seed=1)
    began = time.monotonic()
    go(first)
    finish(first)
    duration = time.monotonic() - began
    while states.total() - states["complete"] < kills:
        process = start(data_dir, size)
        began = time.monotonic()
        go(process)
        delay = rng.uniform(0, duration)
        while time.monotonic() - began < delay and not folder.exists():
            time.sleep(0.001)
        process.kill()
        process.communicate()
        if folder.exists():
            duration = time.monotonic() - began
            check(folder, size)
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
            states["complete"] += 1
        else:
            states["a temporary folder" if remains_of(folder) else "nothing yet"] += 1
        assert len(remains_of(folder)) <= 1, "a build removes what an earlier one has left behind"
    last = start(data_dir, size)
    go(last)
    finish(last)
    check(folder, size)
    assert remains_of(folder) == []
    assert not (data_dir / ".generated.lock").exists()
    return states


def build_together(data_dir: Path, size: int, processes: int) -> None:
    """Starts builds of one dataset at the same moment, and as many of different configs."""
    for seeds in ([0] * processes, range(1, processes + 1)):
        builds = [start(data_dir, size, seed) for seed in seeds]
        for build in builds:
            go(build)
        for build in builds:
            finish(build)
        for seed in set(seeds):
            check(folder_of(data_dir, size, seed), size, seed)
            assert remains_of(folder_of(data_dir, size, seed)) == []


def check_conll04(data: Path, data_dir: Path, publisher: str) -> int:
    """Builds a config of conll04, compares it with the readers, and returns its number of sentences."""
    source = data / "conll04" / publisher
    builder = Conll04(config=publisher, data_dir=data_dir)
    builder.prepare(source)
    for split in SPLITS:
        assert (
            read_split(Path(builder.data_dir) / split)[::2] == read_published(source, publisher, split)[::2]
        )
    return builder.info.splits.total_num_examples


def check_ade(data: Path, data_dir: Path, config: str, folds: Sequence[int] = range(NUM_FOLDS)) -> int:
    """Builds a config of ade, compares it with the readers, and returns its number of sentences.

    Of the config slices, these `folds` are compared.
    """
    source = data / "ade" / "spert_folds"
    builder = Ade(config=config, data_dir=data_dir)
    builder.prepare(source)
    found = {split: read_split(Path(builder.data_dir) / split) for split in builder.info.splits}
    if config == "full":
        assert found["full"][::2] == read_spert(source / "ade_full.json")[::2]
    elif config == "slices":
        for fold in folds:
            _check_slices(builder, fold, source, found["full"].sentences)
    else:
        fold = int(config.removeprefix("fold"))
        train, test = (read_spert(source / f"ade_split_{fold}_{split}.json") for split in ("train", "test"))
        assert (found["train"].sentences, found["dev"].sentences) == draw_dev(train.sentences, 0.15, 0)
        assert sorted(found["train"].sentences + found["dev"].sentences) == sorted(train.sentences)
        assert found["test"][::2] == test[::2]
    return builder.info.splits.total_num_examples


def _check_slices(builder: Ade, fold: int, source: Path, sentences: Sequence[Sentence]) -> None:
    """Compares the slices of a fold with its published files, in their order."""
    for split, name in zip(("train", "test"), fold_slices(fold), strict=True):
        parts = [part.strip("ful[]").split(":") for part in name.split("+")]
        sliced = [sentence for first, last in parts for sentence in sentences[int(first) : int(last)]]
        assert sliced == read_spert(source / f"ade_split_{fold}_{split}.json").sentences
        assert len(builder.as_data_source(name)) == len(sliced)
        assert builder.as_data_source(name)[-1 % len(sliced)]["id"].decode() == sliced[-1].id


def without_type_checks(calls: Sequence[str], data: Path, data_dir: Path) -> list[int]:
    """Calls functions of this module in another process, where nothing checks types: thrice as fast."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom absl import logging\n"
        "from tests.data_prep.tfds.campaign import *\n"
        "logging.set_verbosity(logging.ERROR)\n"
        f"data, data_dir = map(Path, sys.argv[1:])\nprint([{', '.join(calls)}])"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(data.resolve()), str(data_dir)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return ast.literal_eval(done.stdout)


def main(data: Path) -> None:
    """Runs the whole campaign."""
    with tempfile.TemporaryDirectory() as folder:
        states = kill_builds(Path(folder), 2000, 25, random.Random(0))
        print(f"25 builds killed; left behind: {dict(states)}; then built, equal, no remains")
    with tempfile.TemporaryDirectory() as folder:
        build_together(Path(folder), 1000, 5)
        print("5 builds of one dataset at once, and 5 of five configs: all succeed, all equal")
    with tempfile.TemporaryDirectory() as folder:
        for publisher in ("bekoulis", "spert"):
            print(f"conll04/{publisher}: {check_conll04(data, Path(folder), publisher)} sentences equal")
        for config in Ade.BUILDER_CONFIGS:
            print(f"ade/{config.name}: {check_ade(data, Path(folder), config.name)} sentences equal")


if __name__ == "__main__":
    logging.set_verbosity(logging.ERROR)
    main(Path(sys.argv[1]))
