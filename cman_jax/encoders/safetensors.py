"""Weights in the safetensors format: one file, or shards with an index, checked against a network's shapes.

Files of PyTorch's own format are refused with the command that converts them, because reading them can run
programs that they contain.
"""

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from cman_jax.errors import InputError, missing_extra
from cman_jax.files import check_keys, parse_json, read_utf8, show
from cman_jax.folders import inside

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_CONVERSION = (
    'python -c "import sys, torch, safetensors.torch as s; '
    "s.save_file({k: v.float().clone() for f in sys.argv[2:] "
    'for k, v in torch.load(f, weights_only=True).items()}, sys.argv[1])"'
)
_NUMBERS = ("F32", "F16", "BF16")
"""Types of numbers that float32 holds exactly."""
_OLD_NAMES = {".gamma": ".weight", ".beta": ".bias"}
"""Endings that the oldest checkpoints of BERT have in the names of layer norms."""


def conversion(folder: Path, files: Sequence[Path]) -> str:
    """Returns the command that writes `model.safetensors` from files in PyTorch's format.

    Args:
      folder: the folder to write to.
      files: the files to read.
    """
    return " ".join([_CONVERSION, *(shlex.quote(str(path)) for path in (folder / WEIGHTS, *files))])


def weight_files(folder: Path) -> list[Path]:
    """Returns the files of a folder's weights: one file, or an index and its shards.

    Raises:
      InputError: the folder has no weights in the safetensors format, or a damaged index.
    """
    if inside(folder, WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if inside(folder, INDEX).is_file():
        shards = sorted(set(_weight_map(folder / INDEX).values()))
        return [folder / INDEX, *(inside(folder, shard) for shard in shards)]
    if others := sorted(folder.glob("pytorch_model*.bin")):
        found = f"no such file, but {others[0].name}"
        raise InputError(folder / WEIGHTS, None, found, f"its conversion: {conversion(folder, others)}")
    raise InputError(folder / WEIGHTS, None, "no readable file", "a file of the encoder")


def read_weights(
    files: Sequence[Path], shapes: Mapping[str, tuple[int, ...]], prefix: str
) -> dict[str, Float[np.ndarray, "..."]]:
    """Returns the named arrays; all other arrays of the files are ignored and not read.

    Args:
      files: the files, as `weight_files` returns them.
      shapes: the shape of every array that is needed, by its name.
      prefix: what stands before each name in some checkpoints.

    Raises:
      InputError: a file is damaged, or the extra `encoders` is not installed. An array is missing, has
        another shape, is of none of the types in `_NUMBERS`, or contains a number that is not finite.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise missing_extra(files[0], "a pretrained encoder", "encoders") from None
    arrays: dict[str, Float[np.ndarray, "..."]] = {}
    for path in [file for file in files if file.name != INDEX]:
        try:
            with safe_open(path, framework="numpy") as opened:
                for stored in opened.keys():  # noqa: SIM118 (a file, not a dict)
                    name = _plain_name(stored, prefix)
                    if name in shapes and (name not in arrays or stored == name):
                        arrays[name] = _read(path, opened, stored, shapes[name])
        except (SafetensorError, OSError) as error:
            found = f"unreadable content ({error})"
            raise InputError(path, None, found, "weights in the safetensors format") from None
    for name, shape in shapes.items():
        if name not in arrays:
            raise InputError(files[0], None, f"no array {name}", f"one of shape {list(shape)}")
    return arrays


def _plain_name(stored: str, prefix: str) -> str:
    """Returns the name of an array without the prefix, and with the newer ending."""
    name = stored.removeprefix(prefix)
    stem, dot, ending = name.rpartition(".")
    return stem + _OLD_NAMES.get(dot + ending, dot + ending)


def _read(path: Path, opened: Any, stored: str, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """Returns one array of an open file in float32, checked."""
    header = opened.get_slice(stored)
    found, kind = tuple(header.get_shape()), header.get_dtype()
    if found != shape:
        what = f"{stored} of shape {list(found)}"
        raise InputError(path, None, what, f"shape {list(shape)}, as config.json requires")
    if kind not in _NUMBERS:
        raise InputError(path, None, f"{stored} of type {kind}", f"one of {', '.join(_NUMBERS)}")
    array = opened.get_tensor(stored).astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise InputError(path, None, f"a number in {stored} that is not finite", "finite numbers")
    return array


def _weight_map(path: Path) -> dict[str, str]:
    """Returns the shard of every array, from an index.

    Raises:
      InputError: the index is damaged, or names a file outside its folder.
    """
    fail = partial(InputError, path, None)
    index = parse_json(read_utf8(path, "a JSON object"), fail)
    check_keys(index, ["weight_map"], None, "an index", fail)
    places = index["weight_map"]
    if not isinstance(places, dict) or not places:
        raise fail(f"weight_map = {show(places)}", "a JSON object with the shard of every array")
    for shard in places.values():
        if not isinstance(shard, str) or Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise fail(f"the shard {show(shard)}", "the name of a safetensors file in the same folder")
    return places
