"""Damaged and forged model files: of encoders, runs, installed models, features and word vectors."""

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cman_jax.errors import InputError
from experiments.faults.damage import damage, damage_bytes
from experiments.faults.headers import forge
from experiments.faults.model_kinds import KINDS, Content, Kind, Peak, differing
from experiments.faults.row import Row, demand, refused

MOST_MEMORY = 16 * 2**20
"""Bytes that a reader may allocate in addition to twice the size of the files."""

_SECONDS = 30.0
_HEADER = 400


class Whole(NamedTuple):
    """Undamaged files of a kind: their content by name, and what is read from them."""

    kind: Kind
    files: Mapping[str, bytes]
    content: Content


def prepare(folder: Path) -> list[Whole]:
    """Returns the files of each kind."""
    made = []
    for number, kind in enumerate(KINDS):
        place = folder / f"kind_{number}"
        if not place.is_dir():
            place.mkdir()
            kind.write(place)
        files = {
            path.relative_to(place).as_posix(): path.read_bytes()
            for path in sorted(place.rglob("*"))
            if path.is_file()
        }
        made.append(Whole(kind, files, kind.read(place)))
    return made


def attempt(made: Sequence[Whole], folder: Path, rng: random.Random) -> str:
    """Damages a file at random, or forges its header, or replaces it by a link; then reads all files."""
    whole = rng.choice(made)
    names = [name for name in whole.files if "dist-info" not in name]
    name, place = rng.choice(names), folder / "files"
    for each, content in whole.files.items():
        (place / each).parent.mkdir(parents=True, exist_ok=True)
        (place / each).write_bytes(content)
    way = rng.choice(["damage", "damage", "damage", "forge", "forge", "forge", "link"])
    path = place / name
    if way == "link" and whole.kind.linked:
        (path.rename(folder / path.name), path.symlink_to(folder / path.name))
    elif way == "forge":
        forge(path, rng)
    else:
        path.write_bytes(_damaged(path.read_bytes(), rng))
    linked = path.is_symlink()
    # A checksum protects against accidents; whoever forges an index also forges its checksums.
    checked = whole.kind.checked and not (way == "forge" and path.suffix == ".index")
    return check(whole, place, checked=checked, linked=linked)


def check(whole: Whole, place: Path, *, checked: bool, linked: bool) -> str:
    """Reads damaged files and returns the outcome.

    Args:
      whole: the undamaged files.
      place: the folder of the damaged files.
      checked: whether nothing else than the undamaged content may be read.
      linked: whether a file is a link out of the folder.

    Raises:
      Broken: the error has several lines or no place, the content is wrong, or memory or time was wasted.
    """
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    start, content, error = time.monotonic(), None, None
    try:
        with Peak():
            content = whole.kind.read(place)
    except InputError as caught:
        error = caught
    demand(time.monotonic() - start < _SECONDS, f"not finished after {_SECONDS:g} s")
    most = 2 * size + MOST_MEMORY
    demand(Peak.bytes < most, f"{Peak.bytes} bytes for files of {size} bytes of {whole.kind.name}")
    if error is not None and error.path == "contextual features":
        return f"{refused(error)} with the word whose vector is not finite"
    if error is not None:
        demand(str(place) in str(error), f"an error without its file: {error}")
        return f"{refused(error)} with the file's name"
    demand(not linked, f"a link out of {whole.kind.name} that is followed")
    difference = differing(content, whole.content)
    if not difference:
        return "the same"
    demand(not checked, f"other {difference} of {whole.kind.name} in spite of its checksums")
    demand(all(map(_is_finite, content.values())), f"numbers of {whole.kind.name} that are not finite")
    return f"read, other {difference}: the format has no checksum"


def _is_finite(value: Any) -> bool:
    """Returns whether a value has only finite numbers, if it is an array."""
    return not isinstance(value, np.ndarray) or bool(np.isfinite(value).all())


def _damaged(content: bytes, rng: random.Random) -> bytes:
    """Returns a content that is damaged once or several times, anywhere or near its beginning."""
    start = _HEADER if rng.random() < 0.4 else len(content)
    first, rest = content[:start], content[start:]
    for _ in range(rng.choice([1, 1, 2, 4])):
        first = rng.choice([damage, damage_bytes, damage_bytes])(first, rng)
    return first + rest


ROWS = (
    Row(
        "model_files",
        "mutated model files (safetensors, tokenizer, config, HDF5, npy, features, word vectors)",
        2_000,
        "refused by one line that names the file, or the same, or finite numbers where the format has no "
        "checksum; 0 tracebacks, 0 hangs over 30 s, no link followed, memory of Python and NumPy under twice "
        "the files and 16 MiB",
        prepare,
        attempt,
        seconds=_SECONDS,
    ),
)
