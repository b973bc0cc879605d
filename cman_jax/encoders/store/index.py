"""The index of a feature cache: which sentence's values are where, every line with a checksum.

Lines of UTF-8, each the CRC-32 of its JSON (eight hex digits), a space and the JSON:

    {"format": "cman-jax features", "version": 1, "spec": {"name": "elmo", "num_layers": 3, ...}}
    {"start": 0, "crc32": 2774158103, "sentences": [["<key>", <number of tokens>], ...]}

The first line says what made the values. Every other one is a chunk: the byte of the data where it starts,
the CRC-32 of its bytes, and its sentences in order. A last line without its end does not count.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import json_text
from cman_jax.types import EncoderSpec, Sentence

ITEMSIZE = 2  # bytes of a float16
_FORMAT = {"format": "cman-jax features", "version": 1}


class Chunk(NamedTuple):
    """The bytes `start` to `end` (exclusive) of the data, and their checksum."""

    start: int
    end: int
    crc32: int


class Index(NamedTuple):
    """What an index says.

    Attributes:
      size: bytes of its lines.
      spec: the encoder.
      chunks: in the order of the data.
      places: by `sentence_key`, where a sentence begins in the data, in values, and its number of tokens.
    """

    size: int
    spec: EncoderSpec
    chunks: list[Chunk]
    places: dict[str, tuple[int, int]]

    @property
    def end(self) -> int:
        """How many bytes of data it speaks of."""
        return self.chunks[-1].end if self.chunks else 0


def sentence_key(tokens: Sequence[str]) -> str:
    """128 bits of a digest; the lengths keep token boundaries apart, whatever characters the tokens hold."""
    text = "".join([f"{len(token)}:{token}" for token in tokens])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def header_line(spec: EncoderSpec) -> bytes:
    """The first line of an index."""
    return _line({**_FORMAT, "spec": spec._asdict()})


def chunk_line(start: int, data: bytes, sentences: Sequence[Sentence]) -> bytes:
    """The line of a chunk whose data starts at byte `start`."""
    lengths = [(sentence_key(sentence.tokens), len(sentence.tokens)) for sentence in sentences]
    return _line({"start": start, "crc32": zlib.crc32(data), "sentences": lengths})


def read_index(path: Path) -> Index | None:
    """The index in a file; None when there is none, or not even its first line is whole.

    Raises:
      InputError: a line is damaged or in the wrong place, or the format is another version's.
    """
    whole, newline, _ = path.read_bytes().rpartition(b"\n") if path.is_file() else (b"", b"", b"")
    if not newline:
        return None
    first, *rest = [_payload(path, number, line) for number, line in enumerate(whole.split(b"\n"), 1)]
    if {key: first.get(key) for key in _FORMAT} != _FORMAT:
        wanted = f"{_FORMAT['format']!r}, version {_FORMAT['version']}"
        raise InputError(path, 1, f"{first.get('format')!r}, version {first.get('version')}", wanted)
    # The empty sentence is always there: it needs no values.
    index = Index(len(whole) + 1, EncoderSpec(**first["spec"]), [], {sentence_key(()): (0, 0)})
    for number, chunk in enumerate(rest, 2):
        _add_chunk(path, number, index, chunk)
    return index


def _line(obj: dict[str, Any]) -> bytes:
    payload = json_text(obj).encode()
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def _payload(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """The JSON of a line, which is as it was written if its checksum is right."""
    crc32, _, payload = line.partition(b" ")
    if crc32 != b"%08x" % zlib.crc32(payload) or not payload:
        raise InputError(path, number, "a damaged line", "a line that begins with its checksum")
    return json.loads(payload)


def _add_chunk(path: Path, number: int, index: Index, chunk: dict[str, Any]) -> None:
    start = index.end
    if chunk.get("start") != start:
        found = f"a line that begins at {chunk.get('start')}"
        raise InputError(path, number, found, f"the chunk that begins at {start}")
    place = start // ITEMSIZE
    for key, length in chunk["sentences"]:
        index.places[key] = (place, length)
        place += length * index.spec.num_layers * index.spec.width
    index.chunks.append(Chunk(start, place * ITEMSIZE, chunk["crc32"]))
