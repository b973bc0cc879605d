"""The manifest of a run, manifest.json: the SHA-256 of each of its files, checked whenever a file is read.

Programs of this library write these files through this module only, so that the list stays true. While a
file is being replaced, the list has two digests for it, so that a kill at any moment leaves a readable run.
Checkpoints, files within an epoch and features have checksums of their own. Predictions, reports and plots
have none, because no program reads them. The splits in data/ are compared with data.json by their content.

A run of an earlier version has no manifest and is read without checks. The next program that writes one of
its files lists them all as they are then.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cman_jax.files import json_bytes, read_json, write_atomically, write_json
from cman_jax.locking import locked
from cman_jax.run.installed import MANIFEST as PACKAGE
from cman_jax.run.installed import check_files, digests

FILE = "manifest.json"
ENCODER_FILES = ("encoder/config.json", "encoder/tokenizer.json", "encoder/model.safetensors")
"""The files of the frozen layers of an encoder whose upper layers are trained."""
_LISTED = (
    "config.json",
    "vocabs.json",
    "word_vectors.npy",
    "encoder.json",
    *ENCODER_FILES,
    "data.json",
    "constraints.json",
    "metrics.jsonl",
    "calibration.json",
)
_RESULTS = ("scores.json", "negatives.json", "analysis.json")  # computed again if they are missing
_REMEDY = (
    f"the file as it was written; bring it back, or if it was changed on purpose, delete {FILE} to accept "
    "all files of the run as they are"
)


def start_manifest(workdir: Path) -> None:
    """Writes the manifest of a new run, without files."""
    write_json(workdir / FILE, {"files": {}})


def write_files(workdir: Path, contents: Mapping[str, bytes | None]) -> None:
    """Writes files of a run, each atomically, and their digests.

    Args:
      workdir: the run's working directory, made if it does not exist.
      contents: the files by name, in the order of writing; None: the file is removed if it exists.
    """
    with locked(workdir / ".update.lock"):
        _write(workdir, contents)


def update_json(path: Path, entries: Mapping[str, Any]) -> None:
    """Sets entries of a JSON file of a run and keeps all other entries.

    Entries that another process sets at the same time are kept too.

    Args:
      path: the file; it may be missing.
      entries: the entries to set.

    Raises:
      InputError: the file is damaged, or was changed by another program.
    """
    with locked(path.parent / ".update.lock"):
        _write(path.parent, {path.name: json_bytes(path, {**read_updated_json(path), **entries})})


def check_listed(workdir: Path, *names: str, may_be_missing: bool = False) -> None:
    """Checks that files of a run are as they were written; files without a digest pass.

    Args:
      workdir: the run's working directory, also that of an installed model.
      names: the files.
      may_be_missing: whether a listed file may have been removed.

    Raises:
      InputError: a file was changed, damaged or removed, or the manifest is damaged.
    """
    listed = _listed(workdir)
    while True:
        wanted = {name: listed[name] for name in names if name in listed}
        if may_be_missing:
            wanted = {name: digest for name, digest in wanted.items() if (workdir / name).exists()}
        try:
            return check_files(workdir, wanted, _REMEDY)
        except ValueError:  # unless another process has just replaced the file
            before, listed = listed, _listed(workdir)
            if listed == before:
                raise


def check_all(workdir: Path) -> None:
    """Checks that all files of a run are as they were written; results may have been removed.

    Raises:
      InputError: a file was changed, damaged or removed, or the manifest is damaged.
    """
    check_listed(workdir, *_LISTED)
    check_listed(workdir, *_RESULTS, may_be_missing=True)


def read_updated_json(path: Path) -> dict[str, Any]:
    """Returns the entries that `update_json` wrote to a file of a run; empty if the file does not exist.

    Raises:
      InputError: the file is damaged, or was changed by another program.
    """
    check_listed(path.parent, path.name, may_be_missing=True)
    return read_json(path)


def _listed(workdir: Path) -> dict[str, Any]:
    """Returns the digests that are stored with a run or an installed model; empty if none are."""
    for name in (FILE, PACKAGE):
        files = read_json(workdir / name).get("files")
        if isinstance(files, dict):
            return files
    return {}


def _write(workdir: Path, contents: Mapping[str, bytes | None]) -> None:
    """Writes files and their digests; the caller holds the lock."""
    listed = _listed(workdir)
    if not (workdir / FILE).exists():
        listed = digests(workdir, [name for name in (*_LISTED, *_RESULTS) if (workdir / name).is_file()])
    kept = {name: digest for name, digest in listed.items() if name not in contents}
    written = {name: hashlib.sha256(c).hexdigest() for name, c in contents.items() if c is not None}
    both = {name: [*_now(workdir, name), digest] for name, digest in written.items()}
    write_json(workdir / FILE, {"files": {**kept, **both}})
    for name, content in contents.items():
        if content is None:
            (workdir / name).unlink(missing_ok=True)
        else:
            write_atomically(workdir / name, content)
    write_json(workdir / FILE, {"files": {**kept, **written}})


def _now(workdir: Path, name: str) -> list[str | None]:
    """Returns the digest of a file as it is now, which is None if it does not exist."""
    return list(digests(workdir, [name]).values()) if (workdir / name).is_file() else [None]
