"""The files of one checkpoint: whether it is whole, and its arrays, each checked against its SHA-256.

Orbax writes a checkpoint and TensorStore reads it. Besides `params` and `optimizer`, a checkpoint has the
item `digests`, with the digest of every array and the rank of the epoch. A checkpoint of an earlier version
has no digests, and its arrays are read without that check.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import tensorstore as ts

from cman_jax.errors import InputError
from cman_jax.files import read_json, show

DIGESTS = "digests"
DIGEST_FILE = "digests.json"
PARAMS, OPTIMIZER = "params", "optimizer"

_MOST_PACKED, _SMALL = 1000, 2**26
"""How many bytes a stored byte may stand for, and how many bytes are always allowed; zeros pack very well."""

Tree = TypeVar("Tree")
Arrays = Mapping[str, np.ndarray]
"""Arrays by their path in a tree, such as "opt_state/0/mu"."""


class Damage(InputError):
    """The error for a checkpoint that is not as training wrote it."""


def digests_of(items: Mapping[str, Any], rank: float) -> dict[str, Any]:
    """Returns what the item `digests` contains.

    Args:
      items: the trees of arrays by the name of their item.
      rank: the number that decides which epoch is best.
    """
    arrays = {item: {name: _digest(x) for name, x in named(tree).items()} for item, tree in items.items()}
    return {"rank": rank, "arrays": arrays}


def named(tree: Any) -> dict[str, Any]:
    """Returns the leaves of a tree by their path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def is_whole(folder: Path) -> bool:
    """Returns whether a checkpoint has all its parts; a packaged one has no state of the optimiser."""
    try:
        about = read_json(folder / "_CHECKPOINT_METADATA")
    except InputError:
        return False
    parts = [f"{PARAMS}/manifest.ocdbt", "metrics/metrics"]
    parts += [f"{OPTIMIZER}/manifest.ocdbt"] * (folder / OPTIMIZER).exists()
    parts += [f"{DIGESTS}/{DIGEST_FILE}"] * (DIGESTS in about.get("item_handlers", ()))
    return bool(about) and all((folder / part).is_file() for part in parts)


def read_item(folder: Path, item: str) -> Arrays:
    """Returns the arrays of an item, after checking each against its digest.

    Args:
      folder: the checkpoint.
      item: the name of the item.

    Raises:
      Damage: a file is missing or damaged, or an array is not the one that was saved.
    """
    arrays, expected = _read_store(folder / item), _read_digests(folder, item)
    if expected is None:
        return arrays
    if lost := sorted(expected.keys() - arrays.keys()):
        raise _damage(folder / item, f"no array {lost[0]}")
    for name, array in arrays.items():
        if expected.get(name) != _digest(array):
            raise _damage(folder / item, f"a damaged array {name}, which has another SHA-256 than when saved")
    return arrays


def restore_item(folder: Path, item: str, like: Tree) -> Tree:
    """Returns an item with the layout of `like`.

    Args:
      folder: the checkpoint.
      item: the name of the item.
      like: a tree of arrays, or of shapes and types.

    Raises:
      InputError: the arrays are of another network, or damaged.
    """
    arrays = read_item(folder, item)
    _refuse_other_layout(folder / item, arrays, named(like))
    # Unlike jnp.array, this compiles nothing.
    leaves = jax.device_put([arrays[name] for name in named(like)], may_alias=False)
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def damage_of(folder: Path, *items: str) -> Damage | None:
    """Returns the error for the first damage of a checkpoint; None: all its items can be read.

    Args:
      folder: the checkpoint.
      *items: the names of the items to be read.
    """
    if not is_whole(folder):
        return _damage(folder, "a checkpoint with missing files")
    try:
        _check_rank(folder)
        for item in items:
            read_item(folder, item)
    except Damage as error:
        return error
    return None


def _digest(array: Any) -> str:
    """Returns the SHA-256 of an array's type, shape and numbers."""
    array = np.asarray(array)
    content = np.ascontiguousarray(array).tobytes()
    return hashlib.sha256(f"{array.dtype.name} {array.shape} ".encode() + content).hexdigest()


def _read_digests(folder: Path, item: str) -> dict[str, str] | None:
    """Returns the digests of an item's arrays; None if the checkpoint has none."""
    found = _read_json(folder / DIGESTS / DIGEST_FILE)
    arrays = found.get("arrays", {}) if found else None
    if arrays is None:
        return None
    digests = arrays.get(item) if isinstance(arrays, dict) else None
    if not isinstance(digests, dict):
        raise _damage(folder / DIGESTS, f"no digests of {item}")
    return digests


def _check_rank(folder: Path) -> None:
    """Raises a Damage if the rank is not a number, or not the one that the digests contain."""
    rank = _read_json(folder / "metrics" / "metrics").get("rank")
    digests = _read_json(folder / DIGESTS / DIGEST_FILE)
    if not isinstance(rank, float | int) or (digests and digests.get("rank") != rank):
        raise _damage(folder / "metrics", f"the rank {show(rank)}")


def _read_json(path: Path) -> dict[str, Any]:
    """Returns a JSON object; empty if the file does not exist."""
    try:
        return read_json(path)
    except InputError as error:
        raise Damage(path, None, error.found, error.expected) from None


def _read_store(item: Path) -> dict[str, np.ndarray]:
    """Returns all arrays of an item's store."""
    store = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{item.absolute()}/"}}
    opened = {}
    with _reading(item, "a damaged file"):
        (item / "manifest.ocdbt").stat()  # fails if it is missing; the store would seem empty otherwise
        keys = ts.KvStore.open(store).result().list().result()
    for key in keys:
        path, is_array, _ = key.decode(errors="replace").partition("/.zarray")
        if is_array:
            name = path.replace(".", "/")
            with _reading(item, f"a damaged file of array {name}"):
                spec = {"driver": "zarr", "kvstore": {**store, "path": f"{path}/"}}
                opened[name] = ts.open(spec).result()
    _refuse_more_than_stored(item, opened)
    arrays = {}
    for name, array in opened.items():
        with _reading(item, f"a damaged file of array {name}"):
            arrays[name] = array.read().result()
    return arrays


def _refuse_more_than_stored(item: Path, opened: Mapping[str, ts.TensorStore]) -> None:
    """Raises a Damage if arrays state far more numbers than are stored, before memory is allocated for them.

    Chunks that are missing count as zeros, so that a file can state any shape.
    """
    stated = sum(array.size * array.dtype.numpy_dtype.itemsize for array in opened.values())
    stored = sum(path.stat().st_size for path in item.rglob("*") if path.is_file())
    if stated > _MOST_PACKED * stored + _SMALL:
        raise _damage(item, f"arrays of {stated} bytes in files of {stored} bytes")


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Raises a Damage, with its cause, when TensorStore raises an error."""
    try:
        yield
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise _damage(path, f"{what} ({show(str(error))})") from error


def _damage(path: Path, found: str) -> Damage:
    return Damage(path, None, found, "a checkpoint as training wrote it")


def _refuse_other_layout(path: Path, saved: Arrays, expected: Mapping[str, Any]) -> None:
    """Raises an InputError if the saved arrays differ from the expected ones in name, shape or type.

    The message names the first arrays that are missing, not expected, or different.
    """
    there, here = ({name: _kind(x) for name, x in arrays.items()} for arrays in (saved, expected))
    differing = [name for name in sorted(there | here) if there.get(name) != here.get(name)]
    if differing:
        found, wanted = (
            ", ".join(f"{name} {kinds[name]}" if name in kinds else f"no {name}" for name in differing[:3])
            for kinds in (there, here)
        )
        raise InputError(path, None, f"arrays of another network, {len(differing)} in all: {found}", wanted)


def _kind(array: Any) -> str:
    """Returns the shape of an array, and its type if that is not float32."""
    kind = np.dtype(array.dtype).name
    return f"{tuple(array.shape)}" + ("" if kind == "float32" else f" {kind}")
