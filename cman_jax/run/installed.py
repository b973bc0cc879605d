"""Trained networks that are installed as Python packages: found by name, and checked against their manifest.

A package states its folder as an entry point of `GROUP`. The folder holds the files of a run and a manifest
with the digest of each. Nothing is written into it.
"""

import difflib
import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import file_digest, read_json
from cman_jax.folders import inside, refuse_links_out

GROUP = "cman_jax.models"
"""The group of entry points. A name is the package's, a value its module."""

MANIFEST = "package.json"
"""The file with the digests, which also marks a folder as one that nothing may be written into."""


NOT_KEPT = "not kept: nothing is written into an installed model"
"""The line about results that would otherwise be written into the run."""


def run_folder(workdir: str | Path) -> Path:
    """Returns the folder of a run, which is a path or the name of an installed package.

    Args:
      workdir: a path that exists is the folder itself; otherwise, the name of a package.

    Raises:
      InputError: neither exists, or a file of the package is not the one that was packaged.
    """
    path = Path(workdir)
    if path.exists():
        return path
    models = installed_models()
    name = str(workdir)
    if normal_name(name) in models:
        return _folder(models[normal_name(name)])
    expected = "the working directory of a training run"
    if models:
        nearest = difflib.get_close_matches(normal_name(name), models, 1) or sorted(models)
        names = ", ".join(models[each].name for each in nearest)
        expected += f", or an installed model ({names})"
    raise InputError(workdir, None, "no config.json", expected)


def installed_models() -> dict[str, EntryPoint]:
    """Returns the installed packages that hold a trained network, by normal name."""
    return {normal_name(entry.name): entry for entry in entry_points(group=GROUP)}


def normal_name(name: str) -> str:
    """Returns the name of a package as Python spells its module."""
    return name.lower().replace("-", "_")


def is_packaged(folder: Path) -> bool:
    """Returns whether a run's folder belongs to a package, so that nothing may be written into it."""
    return (folder / MANIFEST).is_file()


def refuse_packaged(folder: Path, expected: str) -> None:
    """Raises an InputError if a run's folder belongs to a package.

    Args:
      folder: the run's folder.
      expected: what is needed instead, for the error message.
    """
    if is_packaged(folder):
        why = "because nothing is written into an installed model"
        raise InputError(folder, None, "an installed model", f"{expected}, {why}")


def digests(folder: Path, names: list[str]) -> dict[str, str]:
    """Returns the SHA-256 of files in a folder.

    Args:
      folder: the folder.
      names: the files, by their path inside the folder.

    Raises:
      OSError: a file does not exist, or cannot be read.
    """
    return {name: file_digest(folder / name) for name in names}


def check_files(folder: Path, expected: Any, remedy: str = "all files as they were written") -> None:
    """Checks that the files of a folder are those that were written.

    Args:
      folder: the folder.
      expected: the digest of each file by its path inside the folder, as `digests` returned them; a list of
        digests if the file may have several contents, with None if it may be missing.
      remedy: what is expected instead, for the error message.

    Raises:
      InputError: a file is missing, changed or outside the folder, or there are no digests.
    """
    if not isinstance(expected, dict):
        raise InputError(folder, None, "no list of its files", "the list that was written with them")
    for name, digest in expected.items():
        allowed = digest if isinstance(digest, list) else [digest]
        if not inside(folder, name).is_file():
            if None in allowed:
                continue
            raise InputError(folder / name, None, "no such file", remedy)
        if file_digest(folder / name) not in allowed:
            raise InputError(folder / name, None, "a file that was changed or damaged", remedy)


def _folder(entry: EntryPoint) -> Path:
    """Returns the checked folder of an installed package."""
    spec = importlib.util.find_spec(entry.value)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(entry.name, None, f"no module {entry.value!r}", "the package: install it again")
    folder = Path(spec.submodule_search_locations[0])
    refuse_links_out(folder)
    check_files(folder, read_json(folder / MANIFEST).get("files"))
    return folder
