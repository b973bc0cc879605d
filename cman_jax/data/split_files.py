"""The files of each split of an annotated corpus, by the words in the names of files and folders."""

import re
from collections.abc import Iterable
from pathlib import Path

from cman_jax.data.formats.tfds_folders import is_prepared, split_paths
from cman_jax.errors import InputError
from cman_jax.folders import files_below, is_hidden

WHOLE = "all"
"""The name of a corpus that no file name divides into splits."""

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "devel": "dev",
    "development": "dev",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
SUFFIXES = (".jsonl", ".json", ".txt", ".conll", ".bio", ".iob", ".tsv", ".ann")
"""What the names of annotated files end with."""
_EXPECTED = f"a file, or a folder of files ({', '.join(SUFFIXES)}), or of brat's .txt and .ann"


def split_files(path: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Returns the files, brat folders or prepared splits of each split, and notes about what is not read.

    Args:
      path: as for `annotated.read_annotated`.

    Raises:
      InputError: nothing is there that can be read.
    """
    if path.is_file():
        return {WHOLE: [path]}, []
    if not path.is_dir():
        raise InputError(path, None, "no such file or folder", _EXPECTED)
    notes: list[str] = []
    if is_prepared(path):
        return _by_split(split_paths(path), notes), notes
    if annotations := files_below(path, [".ann"]):
        return _brat_sources(path, annotations, notes), notes
    files = [each for each in sorted(path.iterdir()) if _is_source(each, notes)]
    sources = _by_split([file for file in files if not _is_type_list(file, notes)], notes)
    if not sources:
        raise InputError(path, None, "; ".join(["no annotated file", *notes]), _EXPECTED)
    return sources, notes


def _brat_sources(path: Path, annotations: Iterable[Path], notes: list[str]) -> dict[str, list[Path]]:
    """Returns the folders or texts of each split of brat's files, or the whole folder as one corpus.

    Folders are splits if one has the name of a split, and texts if the folder has no other folders and every
    text has the name of a split, one of them of train.
    """
    inside = sorted({path / file.relative_to(path).parts[0] for file in annotations})
    if all(each.is_dir() for each in inside):
        by_split = _by_split(inside, unread := [])
        if by_split.keys() - {WHOLE}:
            notes += unread
            return by_split
    elif not any(each.is_dir() for each in inside):
        beside = [file for file in path.iterdir() if file.suffix.lower() == ".txt" and file.is_file()]
        texts = [file for file in beside if not is_hidden(file.name)]
        stems = sorted({file.with_suffix(".ann") for file in (*inside, *texts)})
        named = [_splits_named(stem) for stem in stems]
        if {"train"} in named and all(len(splits) == 1 for splits in named) and len(stems) > 1:
            return _by_split(stems, notes)
        if {"train"} in named:
            notes.append("the texts are one corpus, because not every name says one split")
    return {WHOLE: [path]}


def _is_source(each: Path, notes: list[str]) -> bool:
    """Returns whether an entry of a folder is read; if not, and it is named like a split, a note says why."""
    if is_hidden(each.name):
        return False
    if each.is_file() and each.suffix.lower() in SUFFIXES:
        return True
    if each.is_file():
        why = f"its name does not end in {', '.join(SUFFIXES)}"
    elif each.is_dir():
        why = "it is a folder without brat's .ann files"
    else:
        why = "it is a link to nothing" if each.is_symlink() else "it is not a file"
    if _splits_named(each):
        notes.append(f"{each.name} is not read: {why}")
    return False


def _is_type_list(file: Path, notes: list[str]) -> bool:
    """Returns whether a file only lists the types, as SpERT's corpora have one beside the splits."""
    if not file.stem.endswith("types"):
        return False
    notes.append(f"{file.name} is not read: the annotations say which types there are")
    return True


def _by_split(paths: Iterable[Path], notes: list[str]) -> dict[str, list[Path]]:
    """Returns the paths of each split, by the words in their names; those without a split are "all".

    A path whose name has the words of several splits, such as "train_dev", repeats their sentences. It is
    only read if no other path that is read has one of these splits, as train if that is one of them, else as
    dev.
    """
    found: dict[str, list[Path]] = {}
    several: list[tuple[set[str], Path]] = []
    together: dict[str, list[Path]] = {}
    taken: set[str] = set()
    for each in paths:
        splits = _splits_named(each)
        if len(splits) > 1:
            several.append((splits, each))
        else:
            found.setdefault(splits.pop() if splits else WHOLE, []).append(each)
    for splits, each in several:
        if splits.isdisjoint(found.keys() | taken):
            name = "train" if "train" in splits else "dev"
            together[name] = [each]
            taken |= splits
            notes.append(f"{each.name} is read as {name}: its name is that of several splits")
        else:
            notes.append(f"{each.name} is not read: its name is that of several splits")
    found |= together
    if len(found) > 1 and WHOLE in found:
        names = ", ".join(each.name for each in found.pop(WHOLE))
        notes.append(f"not read, because the names say no split: {names}")
    ordered = [name for name in ("train", "dev", "test", WHOLE) if name in found]
    return {name: found[name] for name in ordered}


def _splits_named(path: Path) -> set[str]:
    """Returns the splits whose words are in the name of a file or folder."""
    words = re.split(r"[^a-z]+", (path.stem if path.is_file() else path.name).lower())
    return {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
