"""The reader of datasets that TensorFlow Datasets (TFDS) has prepared, which needs no TensorFlow.

A prepared dataset is a folder DATA_DIR/NAME/CONFIG/VERSION with dataset_info.json, features.json and the
sentences in array_record files. The features of a sentence are

    id, document    text; document is optional, and a draw of splits keeps its sentences together
    tokens          a sequence of text
    entities        a sequence of start, end and type
    relations       a sequence of subject, object and type

with the meaning of the canonical format. A split has the path FOLDER/SPLIT here, although there is no such
file. `data_prep.tfds` prepares such datasets. Source: tensorflow.org/datasets.
"""

import os
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.canonical import without_repeats
from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.errors import InputError, missing_extra
from cman_jax.files import parse_json, read_utf8, show
from cman_jax.types import Sentence

FILE_FORMAT = "array_record"
"""The only file format of TFDS that is read and written without TensorFlow and without losses."""

_LIBRARY = "tensorflow_datasets."
_INFO, _FEATURES = "dataset_info.json", "features.json"
_KINDS = {
    "id": "text",
    "document": "text",
    "tokens": "a sequence of texts",
    "entities/start": "a sequence of integers",
    "entities/end": "a sequence of integers",
    "entities/type": "a sequence of texts",
    "relations/subject": "a sequence of integers",
    "relations/object": "a sequence of integers",
    "relations/type": "a sequence of texts",
}
_NAME = re.compile(r"(?P<name>\w+)(/(?P<config>[\w.-]+))?(:(?P<version>\d+\.\d+\.\d+))?")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


class Item(NamedTuple):
    """A sentence of a dataset.

    Attributes:
      sentence: the sentence.
      document: the name of the document that the sentence comes from.
    """

    sentence: Sentence
    document: str


def library(place: str | Path) -> ModuleType:
    """Returns the module `tensorflow_datasets`.

    Args:
      place: what needs it, for the error message.

    Raises:
      InputError: the extra `tfds` is not installed.
    """
    try:
        import array_record  # noqa: F401, because TFDS imports these two late, with a long message
        import importlib_resources  # noqa: F401
        import tensorflow_datasets
    except ImportError:
        raise missing_extra(place, "a dataset of TensorFlow Datasets", "tfds") from None
    return tensorflow_datasets


def is_prepared(folder: Path) -> bool:
    """Returns whether a folder is a prepared dataset."""
    return (folder / _INFO).is_file() and (folder / _FEATURES).is_file()


def split_paths(folder: Path) -> list[Path]:
    """Returns the path of each split of a prepared dataset.

    Raises:
      InputError: dataset_info.json is damaged, or the sentences are in files of another format.
    """
    return [folder / name for name in _split_sizes(folder)]


def _split_sizes(folder: Path) -> dict[str, int]:
    """Returns the number of sentences of each split, as dataset_info.json states it."""
    path = folder / _INFO
    info = parse_json(read_utf8(path), partial(InputError, path, None))
    try:
        sizes = {str(each["name"]): sum(map(int, each["shardLengths"])) for each in info["splits"]}
    except (KeyError, TypeError, ValueError):
        raise InputError(path, None, "no splits with their sizes", "what TFDS writes") from None
    if not sizes:
        raise InputError(path, None, "no split", "what TFDS writes")
    if info.get("fileFormat") != FILE_FORMAT:
        found = f"files of the format {show(info.get('fileFormat', 'tfrecord'))}"
        expected = f"a dataset that was prepared with file_format={FILE_FORMAT!r}"
        raise InputError(folder, None, found, expected)
    return sizes


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


def read_split(path: Path) -> Reading:
    """Returns the sentences of a split.

    Args:
      path: FOLDER/SPLIT.

    Raises:
      InputError: the dataset is damaged, has other features, or breaks a rule of the canonical format; or
        the extra `tfds` is not installed.
    """
    reading = Reading([], [], [])
    seen: set[str] = set()
    for item in iterate_split(path, reading.oddities):
        if item.sentence.id in seen:
            raise InputError(path, None, f"the id {show(item.sentence.id)} twice", "ids that occur once")
        seen.add(item.sentence.id)
        reading.sentences.append(item.sentence)
        reading.documents.append(item.document)
    if not reading.sentences:
        raise InputError(path, None, "an empty split", "at least one sentence")
    return reading


def iterate_split(path: Path, oddities: list[Oddity] | None = None) -> Iterator[Item]:
    """Yields the sentences of a split one by one; see `read_split`.

    Args:
      path: FOLDER/SPLIT.
      oddities: a list to which everything is added that is odd but can be read.
    """
    for number, value in enumerate(_values(path), 1):
        document = value.pop("document", None)
        value, repeats = without_repeats(value)
        if oddities is not None:
            name = show(value["id"])
            oddities += [
                Oddity(str(path), number, kind, f"sentence {name}, {what}") for kind, what in repeats
            ]
        sentence = parse_sentence(value, path, number)
        yield Item(sentence, sentence.id if document is None else document)


def _values(path: Path) -> Iterator[dict[str, Any]]:
    """Yields each sentence of a split as a JSON value of the canonical format, with its document."""
    tfds, folder, split = library(path), path.parent, path.name
    sizes = _split_sizes(folder)
    if split not in sizes:
        raise InputError(folder, None, f"only the splits {', '.join(sizes)}", f"the split {show(split)}")
    _refuse_foreign_classes(folder / _FEATURES)
    number = 0
    try:
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        builder = tfds.builder_from_directory(folder)
        source = builder.as_data_source(split, deserialize_method=raw)
        _check_features(builder.info.features, folder / _FEATURES)
        files = tfds.core.file_adapters.ArrayRecordFileAdapter
        there = sum(map(files.num_examples, builder.info.splits[split].filepaths))
        if there != sizes[split]:  # TFDS would read the first ones
            raise InputError(path, None, f"{there} sentences", f"the {sizes[split]} of {_INFO}")
        example = tfds.core.example_parser.tf_example_pb2.Example
        for number in range(len(source)):
            yield _value(example.FromString(source[number]).features.feature)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # TFDS, array_record and Protocol Buffers each have errors of their own
        reason = (str(error).splitlines() or [""])[0]
        found = f"a dataset that cannot be read ({type(error).__name__} at sentence {number + 1}: {reason})"
        raise InputError(path, None, found, "the files that TFDS wrote") from error


def _refuse_foreign_classes(path: Path) -> None:
    """Raises an InputError if a feature is of a class of another library, whose module TFDS would import."""
    for name in _class_names(parse_json(read_utf8(path), partial(InputError, path, None))):
        if not name.startswith(_LIBRARY):
            raise InputError(path, None, f"a feature of the class {show(name)}", f"classes of {_LIBRARY}")


def _class_names(value: Any) -> Iterator[str]:
    """Yields the class of each feature of a decoded features.json."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _class_names(child)
    if isinstance(value, dict):
        keys = ("pythonClassName", "python_class_name", "type")  # a feature of the name "type" is an object
        yield from (value[key] for key in keys if isinstance(value.get(key), str))


def _check_features(features: Any, path: Path) -> None:
    """Raises an InputError if the features are not those of the module's docstring."""
    found = _kinds(features.get_serialized_info())
    for name, kind in _KINDS.items():
        if found.get(name, kind if name == "document" else "nothing") != kind:
            raise InputError(path, None, f"{found.get(name, 'nothing')} for {name!r}", kind)


def _kinds(info: Mapping[str, Any], within: str = "") -> dict[str, str]:
    """Returns the kind of each feature, in the words of `_KINDS`."""
    kinds = {}
    for name, tensor in info.items():
        if isinstance(tensor, Mapping):
            kinds |= _kinds(tensor, f"{within}{name}/")
        else:
            what = {"object": "text", "str": "text", "int32": "integer", "int64": "integer"}
            kind = what.get(np.dtype(tensor.np_dtype).name, str(tensor))
            kinds[f"{within}{name}"] = {(): kind, (None,): f"a sequence of {kind}s"}.get(
                tensor.shape, str(tensor)
            )
    return kinds


def _value(columns: Any) -> dict[str, Any]:
    """Returns the features of a sentence as a JSON value. TFDS' own decoding takes six times as long."""
    (name,) = _texts(columns, "id")
    value: dict[str, Any] = {
        "id": name,
        "tokens": _texts(columns, "tokens"),
        "entities": _rows(columns, "entities", "start", "end"),
        "relations": _rows(columns, "relations", "subject", "object"),
    }
    if documents := _texts(columns, "document"):
        (value["document"],) = documents
    return value


def _texts(columns: Any, name: str) -> list[str]:
    """Returns a feature of texts."""
    return [text.decode() for text in columns[name].bytes_list.value]


def _rows(columns: Any, name: str, first: str, second: str) -> list[dict[str, Any]]:
    """Returns a feature of two integers and a type for each item."""
    numbers = [list(columns[f"{name}/{key}"].int64_list.value) for key in (first, second)]
    return [
        dict(zip((first, second, "type"), row, strict=True))
        for row in zip(*numbers, _texts(columns, f"{name}/type"), strict=True)
    ]
