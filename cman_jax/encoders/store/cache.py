"""The cache of contextual features: all layers of every distinct sentence, encoded once and kept on disk.

A cache is a directory, which can be moved and copied to other machines, with two files:

    features.f16     the values: little-endian float16, one sentence [l n d] after the other
    features.index   text: the encoder, and where each sentence is (index.py)

Sentences are encoded in chunks. A chunk's values are on disk before its line of the index is begun. So a
killed writer can only leave values without a line, or an unfinished line. Readers ignore both, and the next
writer cuts them off. An encoder's rounding may depend on which sentences are encoded together, so chunks are
encoded whole. A resumed run therefore ends with the same bytes as an uninterrupted run.

Opening a cache checks every line of the index and the size of the values. `FeatureCache.verify` reads the
values as well; every writer calls it before it adds to a cache, and programs that only read call it too.
"""

import os
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Float, Float16

from cman_jax.data.stored import subset
from cman_jax.encoders.store.index import ITEMSIZE, Index, chunk_line, header_line, read_index, sentence_key
from cman_jax.encoders.store.source import FeatureSource, check_spec, quote, to_float16
from cman_jax.errors import InputError
from cman_jax.locking import writing_in
from cman_jax.types import EncoderSpec, Sentence

_DATA, _INDEX = "features.f16", "features.index"
_CHUNK = 256  # sentences; a kill loses at most one chunk, and a chunk fills an encoder's batches


class FeatureCache(FeatureSource):
    """A cache opened for reading with `FeatureCache.open`; values are mapped from disk and never copied.

    Args:
      path: the cache's directory.
      index: the contents of its index.
    """

    remedy = "add the missing ones to the cache"

    def __init__(self, path: Path, index: Index):
        self.path, self.spec = path, index.spec
        self._index, self._values = index, _map(path / _DATA, index.end)

    @classmethod
    def open(cls, directory: str | Path) -> "FeatureCache":
        """Returns the cache in its present state; sentences added later are seen after opening it again.

        Args:
          directory: the cache's directory.

        Raises:
          InputError: the directory contains no cache, or the cache has another format version or is damaged.
        """
        path = Path(directory)
        index = read_index(path / _INDEX)
        if index is None:
            raise InputError(path, None, "no cache of features", f"a directory with {_INDEX} and {_DATA}")
        return cls(path, index)

    def __len__(self) -> int:
        """Returns the number of sentences, without the empty sentence."""
        return len(self._index.places) - 1

    def __contains__(self, tokens: Sequence[str]) -> bool:
        """Returns whether the cache has the sentence's features."""
        return sentence_key(tokens) in self._index.places

    @property
    def num_bytes(self) -> int:
        """Returns the size of the cache on disk, in bytes."""
        return self._index.size + self._index.end

    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """Returns the sentence's features as a view of the file that cannot be written to.

        Args:
          tokens: the tokens of the sentence.

        Raises:
          InputError: the cache does not have the sentence.
        """
        try:
            start, length = self._index.places[sentence_key(tokens)]
        except KeyError:
            raise self._incomplete(f"no features for {quote(tokens)}") from None
        shape = (self.spec.num_layers, length, self.spec.width)
        return self._values[start : start + shape[0] * shape[1] * shape[2]].reshape(shape)

    def verify(self) -> None:
        """Reads all values and compares them with their checksums.

        Raises:
          InputError: the values of a chunk have another checksum.
        """
        for start, end, crc32 in self._index.chunks:
            if zlib.crc32(self._values[start // ITEMSIZE : end // ITEMSIZE]) != crc32:
                found = f"bytes {start} to {end} with another checksum than in the index"
                raise InputError(
                    self.path / _DATA, None, found, "unchanged values (delete the cache and encode again)"
                )


def complete_cache(
    directory: str | Path, spec: EncoderSpec, sentences: Sequence[Sentence]
) -> FeatureCache | None:
    """Returns the cache of a directory if it has the features of all sentences; None: a writer must add some.

    Any number of programs may read a complete cache at the same time. All its values are verified.

    Args:
      directory: the cache's directory, which need not exist.
      spec: the encoder whose features are asked for.
      sentences: the sentences.

    Raises:
      InputError: the cache has the features of another encoder, or it is damaged.
    """
    path = Path(directory)
    index = read_index(path / _INDEX)
    if index is None:  # nothing, or what a killed writer began
        return None
    cache = FeatureCache(path, index)
    check_spec(cache.path, cache.spec, spec)
    if not all(sentence.tokens in cache for sentence in sentences):
        return None
    cache.verify()
    return cache


class FeatureWriter:
    """A writer that adds sentences to a cache, or begins a cache.

    It is a context manager. A directory has at most one writer at a time.

        with FeatureWriter(directory, encoder.spec) as writer:
            for chunk in writer.missing_chunks(sentences):
                writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))

    Args:
      directory: the cache's directory; made if it does not exist.
      spec: the encoder whose features will be added.

    Raises:
      InputError: another writer has the cache, the cache has the features of another encoder, or it is
        damaged.
    """

    def __init__(self, directory: str | Path, spec: EncoderSpec):
        self.path = Path(directory)
        with ExitStack() as resources:
            resources.enter_context(writing_in(self.path))
            self._data, self._index = (
                resources.enter_context(_open(self.path / name)) for name in (_DATA, _INDEX)
            )
            self._prepare(spec)
            self._resources = resources.pop_all()

    def _prepare(self, spec: EncoderSpec) -> None:
        """Checks the existing files, and cuts off what a killed writer left."""
        index = read_index(self.path / _INDEX)
        if index is None:
            self._index.truncate(0)
            _append(self._index, header_line(spec))
            _sync_directory(self.path)
            index = read_index(self.path / _INDEX)
        check_spec(self.path, index.spec, spec)
        FeatureCache(self.path, index).verify()
        self._index.truncate(index.size)
        self._data.truncate(index.end)
        self._spec, self._end, self._keys = spec, index.end, set(index.places)

    def __enter__(self) -> "FeatureWriter":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files, so that another writer can open them."""
        self._resources.close()

    def missing_chunks(self, sentences: Sequence[Sentence]) -> list[Sequence[Sentence]]:
        """Returns the sentences that the cache lacks, each once, in chunks.

        The chunks must be encoded whole and appended in this order.

        Args:
          sentences: the sentences that the cache should have.
        """
        places: dict[str, int] = {}
        for place, sentence in enumerate(sentences):
            places.setdefault(sentence_key(sentence.tokens), place)
        missing = [place for key, place in places.items() if key not in self._keys]
        chunks = (missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK))
        return [subset(sentences, chunk) for chunk in chunks]

    def append(self, chunk: Sequence[Sentence], features: Sequence[Float[np.ndarray, "l _ d"]]) -> None:
        """Adds a chunk, which is on disk when the call returns.

        Args:
          chunk: the sentences.
          features: the vectors of all layers for each sentence's tokens.

        Raises:
          InputError: a value is not finite in float16.
          ValueError: a sentence does not have one vector for each layer and token.
        """
        data = b"".join(
            self._to_bytes(sentence, layers) for sentence, layers in zip(chunk, features, strict=True)
        )
        _append(self._data, data)
        _append(self._index, chunk_line(self._end, data, chunk))
        self._end += len(data)
        self._keys.update(sentence_key(sentence.tokens) for sentence in chunk)

    def _to_bytes(self, sentence: Sentence, layers: Float[np.ndarray, "l n d"]) -> bytes:
        """Returns the bytes of a sentence's values after checking their shape."""
        shape = (self._spec.num_layers, len(sentence.tokens), self._spec.width)
        if layers.shape != shape:
            raise ValueError(f"features of sentence {sentence.id}: {layers.shape}, expected {shape}")
        return to_float16(layers, sentence.tokens, self.path).tobytes()


def _map(path: Path, end: int) -> Float16[np.ndarray, " size"]:
    """Returns the values in the first `end` bytes of a file, mapped from disk."""
    size = path.stat().st_size if path.is_file() else 0
    if size < end:
        raise InputError(path, None, f"{size} bytes", f"at least the {end} bytes that the index describes")
    if end == 0:  # an empty file cannot be mapped
        return np.empty(0, "<f2")
    return np.asarray(np.memmap(path, "<f2", "r", shape=(end // ITEMSIZE,)))


def _open(path: Path) -> BinaryIO:
    """Opens a file for appending without a buffer, and makes it if it does not exist."""
    return open(path, "ab", buffering=0)


def _append(file: BinaryIO, content: bytes) -> None:
    """Appends to a file, and returns when the content is on disk."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    """Writes a directory to disk, so that the names of new files in it are kept."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
