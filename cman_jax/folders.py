"""Folders that others have made: which of their files are read, and that no name or link leads out."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cman_jax.errors import InputError
from cman_jax.files import show

_EXPECTED = "a file inside the folder (copy the file there if you trust its maker)"


def is_hidden(name: str | Path) -> bool:
    """Returns whether a path in a folder is hidden, as files are that a system or an editor keeps for itself.

    Args:
      name: the path, from the folder on.
    """
    return any(part.startswith(".") for part in Path(name).parts)


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Returns the files in a folder and in the folders below it, by name; hidden ones are left out.

    Links to folders are followed, except to a folder that the link is in.

    Args:
      folder: the folder.
      suffixes: what the names of the files end with, in lower case; in the names, case makes no difference.

    Raises:
      OSError: a folder cannot be read.
    """
    return sorted(_visit(folder, tuple(suffixes), frozenset()))


def _visit(folder: Path, endings: tuple[str, ...], above: frozenset[Path]) -> Iterator[Path]:
    """Yields the files of `files_below`; `above` are the folders on the way, without links."""
    here = folder.resolve()
    if here in above:
        return
    for each in folder.iterdir():
        if is_hidden(each.name):
            continue
        if each.is_dir():
            yield from _visit(each, endings, above | {here})
        elif each.name.lower().endswith(endings) and each.is_file():
            yield each


def inside(folder: Path, name: str | Path) -> Path:
    """Returns the path of a file of a folder, which need not exist.

    In the cache of Hugging Face, a folder `snapshots/REVISION` consists of links to files of the folder
    `blobs` beside `snapshots`, which are allowed.

    Args:
      folder: the folder, which may itself be a link.
      name: the file's path in the folder.

    Raises:
      InputError: the name or a link leads out of the folder.
    """
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts or "\0" in str(name):
        raise InputError(folder, None, f"the name {show(str(name))}", "names of files inside the folder")
    try:
        root, target = folder.resolve(), path.resolve()
    except (OSError, RuntimeError):  # a circle of links
        raise InputError(path, None, "a link without an end", _EXPECTED) from None
    blobs = root.parent.parent / "blobs" if root.parent.name == "snapshots" else None
    if not target.is_relative_to(root) and target.parent != blobs:
        raise InputError(path, None, "a link that leads out of its folder", _EXPECTED)
    return path


def refuse_links_out(folder: Path) -> None:
    """Checks all links in a folder and in the folders below it.

    Raises:
      InputError: a link leads out of the folder.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink():
                inside(folder, path.relative_to(folder))
