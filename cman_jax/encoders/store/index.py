"""The index of a feature cache: where the values of each sentence are, every line with a checksum.

An index is UTF-8 text. A line contains the CRC-32 of its JSON (eight hex digits), a space and the JSON:

    {"format": "cman-jax features", "version": 1, "spec": {"name": "elmo", "num_layers": 3, ...}}
    {"start": 0, "crc32": 2774158103, "sentences": [["<key>", <number of tokens>], ...]}

The first line describes the encoder that computed the values. Every other line describes a chunk: the byte of
the values where it starts, the CRC-32 of its bytes, and its sentences in order. A last line without a line
feed is ignored.
"""

import hashlib
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.encoders.store.source import parse_spec
from cman_jax.errors import InputError
from cman_jax.files import check_keys, json_text, parse_json, show
from cman_jax.types import EncoderSpec, Sentence

ITEMSIZE = 2  # bytes of a float16
_FORMAT = {"format": "cman-jax features", "version": 1}


class Chunk(NamedTuple):
    """The bytes `start` to `end` (exclusive) of the values, and their checksum."""

    start: int
    end: int
    crc32: int


class Index(NamedTuple):
    """The contents of an index.

    Attributes:
      size: number of bytes of its complete lines.
      spec: the encoder that computed the values.
      chunks: the chunks, in the order of the values.
      places: by `sentence_key`, the place of a sentence's first value, counted in values, and its number of
        tokens.
    """

    size: int
    spec: EncoderSpec
    chunks: list[Chunk]
    places: dict[str, tuple[int, int]]

    @property
    def end(self) -> int:
        """Returns the number of bytes of values that the index describes."""
        return self.chunks[-1].end if self.chunks else 0


def sentence_key(tokens: Sequence[str]) -> str:
    """Returns a sentence's key: a digest of 128 bits over its tokens and their lengths.

    The lengths keep token boundaries apart, whatever characters the tokens contain.

    Args:
      tokens: the tokens of the sentence.
    """
    text = "".join([f"{len(token)}:{token}" for token in tokens])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def header_line(spec: EncoderSpec) -> bytes:
    """Returns the first line of an index."""
    return _line({**_FORMAT, "spec": spec._asdict()})


def chunk_line(start: int, data: bytes, sentences: Sequence[Sentence]) -> bytes:
    """Returns the line of a chunk.

    Args:
      start: the byte of the values where the chunk starts.
      data: the chunk's values.
      sentences: the chunk's sentences, in the order of their values.
    """
    lengths = [(sentence_key(sentence.tokens), len(sentence.tokens)) for sentence in sentences]
    return _line({"start": start, "crc32": zlib.crc32(data), "sentences": lengths})


def read_index(path: Path) -> Index | None:
    """Returns the index in a file; None if the file is missing or its first line is not complete.

    Args:
      path: the file.

    Raises:
      InputError: a line is damaged or in the wrong place, or the format has another version.
    """
    whole, newline, _ = path.read_bytes().rpartition(b"\n") if path.is_file() else (b"", b"", b"")
    if not newline:
        return None
    first, *rest = [_payload(path, number, line) for number, line in enumerate(whole.split(b"\n"), 1)]
    if {key: first.get(key) for key in _FORMAT} != _FORMAT:
        wanted = f"{_FORMAT['format']!r}, version {_FORMAT['version']}"
        raise InputError(path, 1, f"{first.get('format')!r}, version {first.get('version')}", wanted)
    # Every cache has the empty sentence, because it needs no values.
    spec = parse_spec(first.get("spec"), path, 1)
    index = Index(len(whole) + 1, spec, [], {sentence_key(()): (0, 0)})
    for number, chunk in enumerate(rest, 2):
        _add_chunk(path, number, index, chunk)
    return index


def _line(obj: dict[str, Any]) -> bytes:
    """Returns a line of the index: checksum, space, JSON, line feed."""
    payload = json_text(obj).encode()
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


def _payload(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """Returns the JSON of a line.

    Raises:
      InputError: the checksum is wrong, or the content is not a JSON object.
    """
    crc32, _, payload = line.partition(b" ")
    if crc32 != b"%08x" % zlib.crc32(payload) or not payload:
        raise InputError(
            path, number, "a damaged line", "a line with its own checksum (delete the cache and encode again)"
        )
    fail = partial(InputError, path, number)
    try:
        found = parse_json(payload.decode(), fail)
    except UnicodeDecodeError as error:
        raise fail(f"bytes that are not valid UTF-8 ({error})", "a JSON object") from None
    check_keys(found, (), None, "a line", fail)
    return found


def _add_chunk(path: Path, number: int, index: Index, chunk: dict[str, Any]) -> None:
    """Adds a chunk and its sentences to an index.

    Raises:
      InputError: the chunk does not start where the chunk before it ends, or is not as `chunk_line` made it.
    """
    start = index.end
    if chunk.get("start") != start:
        found = f"a chunk that starts at byte {chunk.get('start')}"
        raise InputError(path, number, found, f"the chunk that starts at byte {start}")
    place, sentences, crc32 = start // ITEMSIZE, chunk.get("sentences"), chunk.get("crc32")
    if type(crc32) is not int or not isinstance(sentences, list) or not all(map(_is_sentence, sentences)):
        raise InputError(path, number, show(chunk), "a checksum, and the key and length of each sentence")
    for key, length in sentences:
        index.places[key] = (place, length)
        place += length * index.spec.num_layers * index.spec.width
    index.chunks.append(Chunk(start, place * ITEMSIZE, crc32))


def _is_sentence(value: Any) -> bool:
    """Returns whether a value is the key of a sentence and its number of tokens."""
    return isinstance(value, list) and [type(each) for each in value] == [str, int] and value[1] >= 0
