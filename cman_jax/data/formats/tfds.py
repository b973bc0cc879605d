"""The reader of datasets that TensorFlow Datasets (TFDS) has prepared, which needs no TensorFlow.

The features of a sentence are

    id, document    text; document is optional, and a draw of splits keeps its sentences together
    tokens          a sequence of text
    entities        a sequence of start, end and type
    relations       a sequence of subject, object and type

with the meaning of the canonical format. A split has the path FOLDER/SPLIT here, although there is no such
file; `tfds_folders` knows the folders. `data_prep.tfds` prepares such datasets. Source:
tensorflow.org/datasets.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.data.formats.records import Item, Records, Values
from cman_jax.data.formats.tfds_folders import FEATURES, INFO, split_sizes
from cman_jax.errors import InputError, missing_extra
from cman_jax.files import parse_json, read_utf8, show

_LIBRARY = "tensorflow_datasets."
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
    values = _Values(path)
    for index in range(len(values)):
        item, found = values.item(index)
        if oddities is not None:
            oddities += found
        yield item


def open_split(path: Path) -> Reading:
    """Returns what `read_split` returns, with sentences that stay on disk."""
    return Records(_Values(path)).reading()


class _Values(Values):
    """The sentences of a split as JSON values of the canonical format, with their documents.

    Args:
      path: FOLDER/SPLIT.

    Raises:
      InputError: as `read_split`.
    """

    def __init__(self, path: Path):
        tfds, folder, split = library(path), path.parent, path.name
        self.path, sizes = path, split_sizes(folder)
        if split not in sizes:
            raise InputError(folder, None, f"only the splits {', '.join(sizes)}", f"the split {show(split)}")
        _refuse_foreign_classes(folder / FEATURES)
        with self._naming_errors(0):
            raw = tfds.decode.DeserializeMethod.RAW_BYTES
            builder = tfds.builder_from_directory(folder)
            self._source = builder.as_data_source(split, deserialize_method=raw)
            _check_features(builder.info.features, folder / FEATURES)
            files = tfds.core.file_adapters.ArrayRecordFileAdapter
            there = sum(map(files.num_examples, builder.info.splits[split].filepaths))
            expected = sizes[split].sentences
            if there != expected:  # TFDS would read the first ones
                raise InputError(path, None, f"{there} sentences", f"the {expected} of {INFO}")
            self._example = tfds.core.example_parser.tf_example_pb2.Example

    def __len__(self) -> int:
        return len(self._source)

    def value(self, index: int) -> tuple[dict[str, Any], str | None]:
        """Returns a sentence's value and document."""
        with self._naming_errors(index):
            value = _value(self._example.FromString(self._source[index]).features.feature)
        return value, value.pop("document", None)

    @contextmanager
    def _naming_errors(self, index: int) -> Iterator[None]:
        """Turns the errors of TFDS, array_record and Protocol Buffers into InputErrors about a sentence."""
        try:
            yield
        except (InputError, MemoryError):
            raise
        except Exception as error:
            reason = f"{type(error).__name__} at sentence {index + 1}: {(str(error).splitlines() or [''])[0]}"
            found = f"a dataset that cannot be read ({reason})"
            raise InputError(self.path, None, found, "the files that TFDS wrote") from error


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
