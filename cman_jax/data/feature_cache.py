"""The cache of contextual features: all layers of every distinct sentence, encoded once and kept on disk.

A directory, which can be moved and copied to other machines, with two files:

    features.f16     the values: little-endian float16, one sentence [l n d] after the other
    features.index   lines of UTF-8, each a CRC-32 of its JSON (eight hex digits), a space, the JSON:
        {"format": "cman-jax features", "version": 1, "spec": {"name": "elmo", "num_layers": 3, ...}}
        {"start": 0, "crc32": 2774158103, "sentences": [["<key>", <number of tokens>], ...]}

The first line says what made the values. Every other one is a chunk: the byte of the data where it starts,
the CRC-32 of its bytes, and its sentences in order. A chunk is on disk before its line is begun, so what a
killed writer leaves behind is at most data that no line speaks of and a line without its end. Readers do not
see either, and the next writer cuts them off. The encoder's rounding may depend on which sentences share a
batch; as chunks are encoded whole or not at all, a resumed run ends with the bytes of an uninterrupted one.

Opening checks every line of the index and the size of the data; `verify` reads the data too, and so does
every writer before it adds to it.
"""

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float, Float16

from cman_jax.data.errors import InputError
from cman_jax.data.features import FeatureSource, check_spec, quote, to_float16
from cman_jax.types import EncoderSpec, Sentence

_DATA, _INDEX = "features.f16", "features.index"
_FORMAT = {"format": "cman-jax features", "version": 1}
_CHUNK = 64  # sentences
_ITEMSIZE = 2  # bytes of a float16


class _Chunk(NamedTuple):
    start: int  # byte of the data
    end: int
    crc32: int


class _Index(NamedTuple):
    """The whole lines of an index. `places`: each sentence's first value in the data, and its length."""

    size: int  # bytes of these lines
    spec: EncoderSpec
    chunks: list[_Chunk]
    places: dict[str, tuple[int, int]]

    @property
    def end(self) -> int:
        """How many bytes of the data the index speaks of."""
        return self.chunks[-1].end if self.chunks else 0


class FeatureCache(FeatureSource):
    """Reads a cache; values are mapped from disk, never copied. Use `FeatureCache.open`."""

    command = "python -m data_prep.features"

    def __init__(self, path: Path, index: _Index, values: Float16[np.ndarray, " size"]):
        self.path, self.spec = path, index.spec
        self._index, self._values = index, values

    @classmethod
    def open(cls, directory: str | Path) -> "FeatureCache":
        """The cache as it is now; sentences added later are seen when it is opened again.

        Raises:
          InputError: there is none, it is of another format version, or it is damaged.
        """
        path = Path(directory)
        index = _read_index(path)
        if index is None:
            raise InputError(path, None, "no cache of features", f"one that `{cls.command}` wrote")
        _check_size(path, index)
        if index.end == 0:  # which cannot be mapped
            return cls(path, index, np.empty(0, "<f2"))
        shape = (index.end // _ITEMSIZE,)
        return cls(path, index, np.asarray(np.memmap(path / _DATA, "<f2", "r", shape=shape)))

    def __len__(self) -> int:
        """The number of sentences, without the empty one."""
        return len(self._index.places) - 1

    def __contains__(self, tokens: Sequence[str]) -> bool:
        return _key(tokens) in self._index.places

    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """A view of the file; InputError when the sentence is not there."""
        try:
            start, length = self._index.places[_key(tokens)]
        except KeyError:
            raise self._incomplete(f"no features of {quote(tokens)}") from None
        shape = (self.spec.num_layers, length, self.spec.width)
        return self._values[start : start + shape[0] * shape[1] * shape[2]].reshape(shape)

    @property
    def num_bytes(self) -> int:
        """On disk."""
        return self._index.size + self._index.end

    def verify(self) -> None:
        """Reads all values; InputError where they are not those that were written."""
        for start, end, crc32 in self._index.chunks:
            if zlib.crc32(self._values[start // _ITEMSIZE : end // _ITEMSIZE]) != crc32:
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
        index = _read_index(self.path)
        if index is None:
            header = _line({**_FORMAT, "spec": spec._asdict()})
            self._index.truncate(0)
            _append(self._index, header)
            _sync_directory(self.path)
            index = _Index(len(header), spec, [], _no_places())
        else:
            check_spec(self.path, index.spec, spec)
            FeatureCache.open(self.path).verify()
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
            distinct.setdefault(_key(sentence.tokens), sentence)
        missing = [sentence for key, sentence in distinct.items() if key not in self._keys]
        return [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]

    def append(self, chunk: Sequence[Sentence], features: Sequence[Float[np.ndarray, "l _ d"]]) -> None:
        """Adds a chunk; when this returns it is on disk.

        Raises:
          InputError: a value is too large for float16, or not finite.
          ValueError: the features are not one vector for each layer and token.
        """
        values = []
        for sentence, layers in zip(chunk, features, strict=True):
            shape = (self._spec.num_layers, len(sentence.tokens), self._spec.width)
            if layers.shape != shape:
                raise ValueError(f"features of sentence {sentence.id}: {layers.shape}, expected {shape}")
            values.append(to_float16(layers, sentence.tokens, self.path).tobytes())
        data = b"".join(values)
        sentences = [(_key(sentence.tokens), len(sentence.tokens)) for sentence in chunk]
        _append(self._data, data)
        _append(self._index, _line({"start": self._end, "crc32": zlib.crc32(data), "sentences": sentences}))
        self._end += len(data)
        self._keys.update(key for key, _ in sentences)


def _key(tokens: Sequence[str]) -> str:
    """128 bits of a digest; the lengths keep token boundaries apart, whatever characters the tokens hold."""
    text = "".join([f"{len(token)}:{token}" for token in tokens])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _no_places() -> dict[str, tuple[int, int]]:
    """The empty sentence needs no values."""
    return {_key(()): (0, 0)}


def _line(obj: dict[str, Any]) -> bytes:
    payload = json.dumps(obj).encode()
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def _read_index(directory: Path) -> _Index | None:
    """None: not even the first line is whole."""
    path = directory / _INDEX
    whole, newline, _ = path.read_bytes().rpartition(b"\n") if path.is_file() else (b"", b"", b"")
    if not newline:
        return None
    first, *rest = [_payload(path, number, line) for number, line in enumerate(whole.split(b"\n"), 1)]
    if {key: first.get(key) for key in _FORMAT} != _FORMAT:
        wanted = f"{_FORMAT['format']!r}, version {_FORMAT['version']}"
        raise InputError(path, 1, f"{first.get('format')!r}, version {first.get('version')}", wanted)
    index = _Index(len(whole) + 1, EncoderSpec(**first["spec"]), [], _no_places())
    for number, chunk in enumerate(rest, 2):
        _add_chunk(path, number, index, chunk)
    return index


def _payload(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """The JSON of a line, which is as it was written if its checksum is right."""
    crc32, _, payload = line.partition(b" ")
    if crc32 != b"%08x" % zlib.crc32(payload) or not payload:
        raise InputError(path, number, "a damaged line", "a line that begins with its checksum")
    return json.loads(payload)


def _add_chunk(path: Path, number: int, index: _Index, chunk: dict[str, Any]) -> None:
    start = index.end
    if chunk.get("start") != start:
        raise InputError(
            path, number, f"a line that begins at {chunk.get('start')}", f"the chunk that begins at {start}"
        )
    values_per_token = index.spec.num_layers * index.spec.width
    place = start // _ITEMSIZE
    for key, length in chunk["sentences"]:
        index.places[key] = (place, length)
        place += length * values_per_token
    index.chunks.append(_Chunk(start, place * _ITEMSIZE, chunk["crc32"]))


def _check_size(directory: Path, index: _Index) -> None:
    path = directory / _DATA
    size = path.stat().st_size if path.is_file() else 0
    if size < index.end:
        raise InputError(path, None, f"{size} bytes", f"at least the {index.end} that the index speaks of")


def _open(path: Path) -> BinaryIO:
    """For reading and appending, without a buffer; made when it is missing."""
    return open(path, "a+b", buffering=0)


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
