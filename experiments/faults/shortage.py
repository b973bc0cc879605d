"""Faults of memory: commands that are limited to less than they need."""

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.corpus import write_jsonl
from cman_jax.files import write_atomically
from cman_jax.run.system import System
from cman_jax.types import Entity, Relation, Sentence
from experiments.faults import tiny_minilm
from experiments.faults.ends import check_end, end_of
from experiments.faults.row import Broken, Row, demand
from experiments.faults.stops import finish_alike, state_of
from experiments.faults.workplace import Workplace, run

_WORDS = ("Ada", "met", "Ben", "of", "Acme", "in", "London", "and", "left", "for", "Oslo", "with", "letters")


class Bench(NamedTuple):
    """What the attempts work on.

    Attributes:
      place: the corpus and the commands.
      run: an undisturbed training.
      state: everything that the training leaves behind.
      long: a text with one very long line.
      records: what is extracted from the text.
      features: the files of the cache of the corpus's features.
    """

    place: Workplace
    run: Path
    state: object
    long: Path
    records: str
    features: dict[str, bytes]


def prepare(folder: Path) -> Bench:
    """Trains and extracts with all the memory of the machine."""
    place, workdir = Workplace(folder), folder / "run"
    done = run(place.training(workdir))
    demand(done.returncode == 0, done.stderr)
    rng = random.Random(0)
    line = " ".join(rng.choice(_WORDS) for _ in range(8000))
    text = folder / "long.txt"
    write_atomically(text, f"Ada met Ben.\n{line}\nBen left London.\n".encode())
    done = run(_extraction(place, workdir, text, "-"))
    demand(done.returncode == 0, done.stderr)
    records = done.stdout
    tiny_minilm.write(folder / "encoder")
    done = run(_encoding(place, folder / "features"))
    demand(done.returncode == 0, done.stderr)
    return Bench(place, workdir, state_of(workdir), text, records, _content(folder / "features"))


def attempt(bench: Bench, folder: Path, rng: random.Random) -> str:
    """Limits a training, one whose batches fit no memory, an extraction of a very long line, or features."""
    return rng.choice((_train, _train_wide, _extract, _encode))(bench, folder, rng)


def _train(bench: Bench, folder: Path, rng: random.Random) -> str:
    """Trains with a limit; then trains without one, which must end with the same bits."""
    command, workdir = bench.place.training(folder / "run"), folder / "run"
    outcome = _limited(command, rng.randint(200, 2500))
    finish_alike(command, workdir, bench.state)
    return f"train: {outcome}"


def _train_wide(bench: Bench, folder: Path, rng: random.Random) -> str:
    """Trains with batches that need far more than the limit; the run must be readable afterwards."""
    for split, number in (("train", 192), ("dev", 2), ("test", 2)):
        sentences = [_long_sentence(f"{split}{i}", rng) for i in range(number)]
        write_jsonl(folder / "data" / f"{split}.jsonl", sentences)
    settings = {"training.batch_size": 192, "data.bucket_lengths": "(400,)", "training.num_epochs": 1}
    command = bench.place.training(folder / "run", f"--data={folder / 'data'}", **settings)
    outcome = _limited(command, rng.randint(1600, 2000))
    demand(outcome == "out of memory", f"a training that cannot fit: {outcome}")
    System.load(folder / "run")
    return f"train, wide batches: {outcome}"


def _long_sentence(id: str, rng: random.Random) -> Sentence:
    """Returns a sentence of 400 random words with one entity and one relation."""
    words = tuple(rng.choice(_WORDS) for _ in range(400))
    entities = (Entity(0, 1, "Peop"), Entity(4, 5, "Org"))
    return Sentence(id, words, entities, (Relation(0, 1, "Work_For"),))


def _extract(bench: Bench, folder: Path, rng: random.Random) -> str:
    """Extracts with a limit; then goes on without one, which must end with the same records."""
    output = folder / "records.jsonl"
    command = _extraction(bench.place, bench.run, bench.long, str(output))
    outcome = _limited(command, rng.randint(200, 1800))
    done = run(command)
    demand(done.returncode == 0, f"the extraction does not resume: {done.stderr[-500:]}")
    demand(output.read_text() == bench.records, "other records")
    return f"extract: {outcome}"


def _encode(bench: Bench, folder: Path, rng: random.Random) -> str:
    """Computes features with a limit; then goes on without one, which must end with the same files."""
    command = _encoding(bench.place, folder / "features")
    outcome = _limited(command, rng.randint(200, 2000))
    done = run(command)
    demand(done.returncode == 0, f"the features do not resume: {done.stderr[-500:]}")
    demand(_content(folder / "features") == bench.features, "other features")
    return f"features: {outcome}"


def _encoding(place: Workplace, output: Path) -> list[str]:
    """Returns the command that computes the features of the corpus."""
    where = (f"--encoder={place.folder / 'encoder'}", f"--data={place.data}", f"--out={output}")
    return [sys.executable, "-m", "data_prep.features", *where]


def _content(folder: Path) -> dict[str, bytes]:
    """Returns the content of each file of a folder but locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _extraction(place: Workplace, workdir: Path, text: Path, output: str) -> list[str]:
    """Returns the command that extracts from a text."""
    where = [] if output == "-" else [f"--output={output}"]
    return place.cman("extract", f"--workdir={workdir}", f"--input={text}", *where)


def _limited(command: Sequence[str], mib: int) -> str:
    """Runs a command with a limit of memory and returns the outcome.

    Raises:
      Broken: the command ends in another way than with success or with one line.
    """
    ended = end_of(run(["sh", "-c", f'ulimit -d {1024 * mib}; exec "$@"', "sh", *command]))
    check_end(ended, (0, 2), f"{mib} MiB")
    if ended.status == 0:
        return "enough memory"
    for sign, outcome in (("out of memory", "out of memory"), ("(ulimit -d)", "limit refused")):
        if sign in ended.stderr.splitlines()[-1]:
            return outcome
    raise Broken(f"{mib} MiB: {ended.stderr[-400:]}")


ROWS = (
    Row(
        "memory",
        "out of memory (a limit is set) in training, extraction and features",
        20,
        "one line, nothing lost: the same bits or records afterwards",
        prepare,
        attempt,
        seconds=590,
    ),
)
