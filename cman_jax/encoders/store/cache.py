"""The cache of contextual features: all layers of every distinct sentence, encoded once and kept on disk.

A directory, which can be moved and copied to other machines, with two files:

    features.f16     the values: little-endian float16, one sentence [l n d] after the other
    features.index   text: the encoder, and where each sentence is (feature_index.py)

Sentences are encoded in chunks, and a chunk's data is on disk before its line of the index is begun. So all
that a killed writer leaves behind is data that no line speaks of, or a line without its end; readers see
neither, and the next writer cuts them off. As an encoder's rounding may depend on which sentences it is given
together, chunks are encoded whole: a resumed run ends with the bytes of an uninterrupted one.

Opening checks every line of the index and the size of the data. `FeatureCache.verify` reads the data as well;
every writer does that before it adds to it.
"""

import fcntl
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Float16

from cman_jax.encoders.store.index import ITEMSIZE, Index, chunk_line, header_line, read_index, sentence_key
from cman_jax.encoders.store.source import FeatureSource, check_spec, quote, to_float16
from cman_jax.errors import InputError
from cman_jax.types import EncoderSpec, Sentence

_DATA, _INDEX = "features.f16", "features.index"
_CHUNK = 256  # sentences: what a kill loses at most, and enough to fill an encoder's batches


class FeatureCache(FeatureSource):
    """Reads a cache; values are mapped from disk, never copied. Use `FeatureCache.open`."""

    command = "python -m data_prep.features"

    def __init__(self, path: Path, index: Index, values: Float16[np.ndarray, " size"]):
        self.path, self.spec = path, index.spec
        self._index, self._values = index, values

    @classmethod
    def open(cls, directory: str | Path) -> "FeatureCache":
        """The cache as it is now; sentences added later are seen when it is opened again.

        Raises:
          InputError: there is none, it is of another format version, or it is damaged.
        """
        path = Path(directory)
        index = read_index(path / _INDEX)
        if index is None:
            raise InputError(path, None, "no cache of features", f"one that `{cls.command}` wrote")
        return cls(path, index, _map(path / _DATA, index.end))

    def __len__(self) -> int:
        """The number of sentences, without the empty one."""
        return len(self._index.places) - 1

    def __contains__(self, tokens: Sequence[str]) -> bool:
        return sentence_key(tokens) in self._index.places

    @property
    def num_bytes(self) -> int:
        """On disk."""
        return self._index.size + self._index.end

    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """A view of the file; InputError when the sentence is not there."""
        try:
            start, length = self._index.places[sentence_key(tokens)]
        except KeyError:
            raise self._incomplete(f"no features of {quote(tokens)}") from None
        shape = (self.spec.num_layers, length, self.spec.width)
        return self._values[start : start + shape[0] * shape[1] * shape[2]].reshape(shape)

    def verify(self) -> None:
        """Reads all values; InputError where they are not those that were written."""
        for start, end, crc32 in self._index.chunks:
            if zlib.crc32(self._values[start // ITEMSIZE : end // ITEMSIZE]) != crc32:
                found = f"bytes {start} to {end} that do not have the checksum of the index"
                raise InputError(self.path / _DATA, None, found, "the bytes once written (encode again)")


class FeatureWriter:
    """Adds sentences to a cache, or begins one. A context manager, at most one per directory at a time.

        with FeatureWriter(directory, encoder.spec) as writer:
            for chunk in writer.missing_chunks(sentences):
                writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))

    Args:
      directory: made if need be.
      spec: of the encoder whose features will be added.

    Raises:
      InputError: another writer is at work, the cache is of another encoder, or it is damaged.
    """

    def __init__(self, directory: str | Path, spec: EncoderSpec):
        self.path = Path(directory)
        self.path.mkdir(parents=True, exist_ok=True)
        self._data, self._index = _open(self.path / _DATA), _open(self.path / _INDEX)
        try:
            _lock(self._data, self.path)
            self._prepare(spec)
        except BaseException:
            self.close()
            raise

    def _prepare(self, spec: EncoderSpec) -> None:
        """Checks what is there and cuts off what a killed writer left."""
        index = read_index(self.path / _INDEX)
        if index is None:
            self._index.truncate(0)
            _append(self._index, header_line(spec))
            _sync_directory(self.path)
            index = read_index(self.path / _INDEX)
        check_spec(self.path, index.spec, spec)
        FeatureCache(self.path, index, _map(self.path / _DATA, index.end)).verify()
        self._index.truncate(index.size)
        self._data.truncate(index.end)
        self._spec, self._end, self._keys = spec, index.end, set(index.places)

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Lets the next writer in."""
        self._index.close()
        self._data.close()

    def missing_chunks(self, sentences: Iterable[Sentence]) -> list[list[Sentence]]:
        """The sentences that are not there, each once, in chunks to be encoded whole and in this order."""
        distinct: dict[str, Sentence] = {}
        for sentence in sentences:
            distinct.setdefault(sentence_key(sentence.tokens), sentence)
        missing = [sentence for key, sentence in distinct.items() if key not in self._keys]
        return [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]

    def append(self, chunk: Sequence[Sentence], features: Sequence[Float[np.ndarray, "l _ d"]]) -> None:
        """Adds a chunk; when this returns it is on disk.

        Raises:
          InputError: a value is too large for float16, or not finite.
          ValueError: the features are not one vector for each layer and token.
        """
        data = b"".join(
            self._to_bytes(sentence, layers) for sentence, layers in zip(chunk, features, strict=True)
        )
        _append(self._data, data)
        _append(self._index, chunk_line(self._end, data, chunk))
        self._end += len(data)
        self._keys.update(sentence_key(sentence.tokens) for sentence in chunk)

    def _to_bytes(self, sentence: Sentence, layers: Float[np.ndarray, "l n d"]) -> bytes:
        shape = (self._spec.num_layers, len(sentence.tokens), self._spec.width)
        if layers.shape != shape:
            raise ValueError(f"features of sentence {sentence.id}: {layers.shape}, expected {shape}")
        return to_float16(layers, sentence.tokens, self.path).tobytes()


def _map(path: Path, end: int) -> Float16[np.ndarray, " size"]:
    """The first `end` bytes of the data."""
    size = path.stat().st_size if path.is_file() else 0
    if size < end:
        raise InputError(path, None, f"{size} bytes", f"at least the {end} that the index speaks of")
    if end == 0:  # which cannot be mapped
        return np.empty(0, "<f2")
    return np.asarray(np.memmap(path, "<f2", "r", shape=(end // ITEMSIZE,)))


def _open(path: Path) -> BinaryIO:
    """For appending, without a buffer; made when it is missing."""
    return open(path, "ab", buffering=0)


def _append(file: BinaryIO, content: bytes) -> None:
    """Returns when the content is on disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _lock(file: BinaryIO, directory: Path) -> None:
    """Until the file is closed, or the process killed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(directory, None, "another program adding to it", "one at a time") from None


def _sync_directory(path: Path) -> None:
    """So that files just made have their names on disk."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
