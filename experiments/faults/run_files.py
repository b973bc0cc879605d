"""Faults of the files of a run: checkpoints, and the files beside them."""

import random
import shutil
from pathlib import Path

from cman_jax.run.checkpoint import saved_epochs
from experiments.faults.damage import damage
from experiments.faults.finished import Finished, compare, copy_of, finish, train_again
from experiments.faults.row import Row

_TRAINED = 0.04  # the share of attempts after which training goes on to its end


def flip(whole: Finished, folder: Path, rng: random.Random) -> str:
    """Flips one to three bits of a file of a checkpoint."""
    run = copy_of(whole.folder, folder)
    path = _file_of_checkpoint(run, rng)
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return _outcome(whole, run, path, bytes(content), rng)


def truncate(whole: Finished, folder: Path, rng: random.Random) -> str:
    """Truncates a file of a checkpoint."""
    run = copy_of(whole.folder, folder)
    path = _file_of_checkpoint(run, rng)
    content = path.read_bytes()
    return _outcome(whole, run, path, content[: rng.randrange(len(content))], rng)


def delete(whole: Finished, folder: Path, rng: random.Random) -> str:
    """Deletes a file of a checkpoint."""
    run = copy_of(whole.folder, folder)
    return _outcome(whole, run, _file_of_checkpoint(run, rng), None, rng)


def half_delete(whole: Finished, folder: Path, rng: random.Random) -> str:
    """Deletes one to all files and folders of a checkpoint, as an interrupted `rm -r` does."""
    run = copy_of(whole.folder, folder)
    places = sorted((run / "checkpoints").iterdir())
    checkpoint = rng.choice([place for place in places if place.name.isdecimal()])
    inside = _in_order(checkpoint)
    rng.shuffle(inside)
    for path in inside[: rng.randint(1, len(inside))]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return _compare(whole, run, rng)


def mutate(whole: Finished, folder: Path, rng: random.Random) -> str:
    """Mutates, truncates or deletes a file of a run that is not a checkpoint."""
    run = copy_of(whole.folder, folder)
    path = rng.choice(sorted(path for path in run.iterdir() if path.is_file()))
    content = path.read_bytes()
    while (mutated := damage(content, rng)) == content:
        pass
    return _outcome(whole, run, path, rng.choice([mutated] * 9 + [None]), rng)


def _file_of_checkpoint(run: Path, rng: random.Random) -> Path:
    """Returns a file of a checkpoint that is not empty."""
    epoch = rng.choice(saved_epochs(run / "checkpoints"))
    files = _in_order(run / "checkpoints" / str(epoch))
    return rng.choice([path for path in files if path.is_file() and path.stat().st_size])


def _in_order(folder: Path) -> list[Path]:
    """Returns all that a folder contains, in an order that Orbax' random names do not change."""
    return sorted(folder.rglob("*"), key=lambda path: (path.parent, path.stat().st_size, path))


def _outcome(whole: Finished, run: Path, path: Path, content: bytes | None, rng: random.Random) -> str:
    """Replaces or deletes a file of a copied run, and compares the run with the whole one."""
    path.unlink()  # the whole run has the same file
    if content is not None:
        path.write_bytes(content)
    return _compare(whole, run, rng)


def _compare(whole: Finished, run: Path, rng: random.Random) -> str:
    """Compares a damaged run with the whole one, and trains some of the runs to their end."""
    outcome = compare(whole, run)
    if rng.random() < _TRAINED:
        train_again(whole, run)
    return outcome


_PROMISE = "an older epoch is taken, or one line refuses; no silent change"
ROWS = (
    Row("flips", "checkpoint: bits flipped", 500, _PROMISE, finish, flip),
    Row("truncations", "checkpoint: files truncated", 100, _PROMISE, finish, truncate),
    Row("deletions", "checkpoint: files deleted", 100, _PROMISE, finish, delete),
    Row("half_deleted", "checkpoint: half deleted", 50, _PROMISE, finish, half_delete),
    Row(
        "run_files",
        "files of a run (config, vocabularies, vectors, metrics, results) mutated or deleted",
        1000,
        "no traceback, no silent change of results",
        finish,
        mutate,
    ),
)
