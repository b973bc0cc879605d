"""The folders of datasets that TensorFlow Datasets (TFDS) has prepared: their names, versions and splits.

A prepared dataset is a folder DATA_DIR/NAME/CONFIG/VERSION with dataset_info.json, features.json and the
sentences in array_record files. A split has the path FOLDER/SPLIT here, although there is no such file.
"""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import parse_json, read_utf8, show

FILE_FORMAT = "array_record"
"""The only file format of TFDS that is read and written without TensorFlow and without losses."""
INFO, FEATURES = "dataset_info.json", "features.json"
"""The files that describe a prepared dataset."""

_NAME = re.compile(r"(?P<name>\w+)(/(?P<config>[\w.-]+))?(:(?P<version>\d+\.\d+\.\d+))?")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


class Size(NamedTuple):
    """The size of a split.

    Attributes:
      sentences: number of sentences.
      num_bytes: number of bytes of all sentences.
    """

    sentences: int
    num_bytes: int


def is_prepared(folder: Path) -> bool:
    """Returns whether a folder is a prepared dataset."""
    return (folder / INFO).is_file() and (folder / FEATURES).is_file()


def split_paths(folder: Path) -> list[Path]:
    """Returns the path of each split of a prepared dataset.

    Raises:
      InputError: dataset_info.json is damaged, or the sentences are in files of another format.
    """
    return [folder / name for name in split_sizes(folder)]


def split_sizes(folder: Path) -> dict[str, Size]:
    """Returns the size of each split, as dataset_info.json states it; see `split_paths` for errors."""
    path = folder / INFO
    info = parse_json(read_utf8(path), partial(InputError, path, None))
    try:
        sizes = {str(each["name"]): _size(each) for each in info["splits"]}
    except (KeyError, TypeError, ValueError):
        raise InputError(path, None, "no splits with their sizes", "what TFDS writes") from None
    if not sizes:
        raise InputError(path, None, "no split", "what TFDS writes")
    if info.get("fileFormat") != FILE_FORMAT:
        found = f"files of the format {show(info.get('fileFormat', 'tfrecord'))}"
        expected = f"a dataset that was prepared with file_format={FILE_FORMAT!r}"
        raise InputError(folder, None, found, expected)
    return sizes


def _size(split: Any) -> Size:
    """Returns the size of a split; a description without the number of bytes counts as 0 bytes."""
    return Size(sum(map(int, split["shardLengths"])), int(split.get("numBytes", 0)))


def data_dir_or_default(data_dir: str | Path | None) -> Path:
    """Returns the folder of all datasets; None: that of TFDS, `$TFDS_DATA_DIR` or `~/tensorflow_datasets`."""
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def find_prepared(name: str, data_dir: str | Path | None) -> Path:
    """Returns the folder of a prepared dataset, of its latest version unless the name has another one.

    Args:
      name: NAME, NAME/CONFIG or NAME/CONFIG:VERSION. Without CONFIG, the dataset must have one at most.
      data_dir: the folder of all datasets; see `data_dir_or_default`.

    Raises:
      InputError: no such dataset is there; the message lists what is there.
    """
    root = data_dir_or_default(data_dir)
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise InputError(root, None, f"the dataset {show(name)}", "NAME, NAME/CONFIG or NAME/CONFIG:VERSION")
    there = _prepared_under(root / parts["name"])
    config = parts["config"]
    if config is None and len({folder.parent for folder in there}) == 1:
        config = there[0].parent.relative_to(root / parts["name"]).as_posix()
    fitting = [
        folder
        for folder in there
        if folder.parent == root / parts["name"] / (config or ".") and parts["version"] in (None, folder.name)
    ]
    if not fitting:
        names = [f"{folder.parent.relative_to(root)}:{folder.name}" for folder in there]
        found = f"no dataset {name}, but {', '.join(names)}" if names else f"no dataset {parts['name']}"
        raise InputError(root, None, found, "a prepared dataset (`python -m data_prep.tfds` prepares one)")
    return max(fitting, key=lambda folder: [int(number) for number in folder.name.split(".")])


def _prepared_under(folder: Path) -> list[Path]:
    """Returns the prepared datasets of one name: folders VERSION or CONFIG/VERSION."""
    found = [*folder.glob("*"), *folder.glob("*/*")]
    return sorted(path for path in found if _VERSION.fullmatch(path.name) and is_prepared(path))
