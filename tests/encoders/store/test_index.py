"""Tests of the index: its bytes, which other machines and later versions read, and the keys of sentences."""

import itertools
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.encoders.store.index import Chunk, chunk_line, header_line, read_index, sentence_key
from cman_jax.errors import InputError
from tests.fake_encoder import SPEC, named

HEADER = (
    b'daeebc7c {"format": "cman-jax features", "version": 1, "spec": '
    b'{"name": "fake", "num_layers": 2, "width": 3, "digest": "d1", "version": 1}}\n'
)
CHUNK = (
    b'2b055c55 {"start": 12, "crc32": 907060870, "sentences": [["005193d5cf54ea6cf2ca55bf3d0cff36", 2]]}\n'
)


def test_lines_have_fixed_bytes() -> None:
    assert header_line(SPEC) == HEADER
    assert chunk_line(12, b"hello", named(["naïve", "🙂"])) == CHUNK


def test_an_index_is_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "index"
    assert read_index(path) is None
    first, second = named(["a"], ["b", "c"]), named(["d"])
    lines = [header_line(SPEC), chunk_line(0, bytes(36), first), chunk_line(36, b"x" * 12, second)]
    path.write_bytes(b"".join(lines))
    index = read_index(path)
    assert (index.size, index.spec, index.end) == (sum(map(len, lines)), SPEC, 48)
    assert index.chunks == [Chunk(0, 36, zlib.crc32(bytes(36))), Chunk(36, 48, zlib.crc32(b"x" * 12))]
    places = {(): (0, 0), ("a",): (0, 1), ("b", "c"): (6, 2), ("d",): (18, 1)}
    assert index.places == {sentence_key(tokens): place for tokens, place in places.items()}


@given(
    st.lists(st.text("a1: \n🙂", max_size=3), max_size=4),
    st.lists(st.text("a1: \n🙂", max_size=3), max_size=4),
)
def test_different_sentences_have_different_keys(one: list[str], other: list[str]) -> None:
    assert (sentence_key(one) == sentence_key(other)) == (one == other)


def test_a_text_cut_into_tokens_in_every_way_has_as_many_keys() -> None:
    text = "1:a2:bb"
    cuts = [c for r in range(len(text)) for c in itertools.combinations(range(1, len(text)), r)]
    sentences = [[text[a:b] for a, b in itertools.pairwise([0, *cut, len(text)])] for cut in cuts]
    assert len({sentence_key(tokens) for tokens in sentences}) == 2 ** (len(text) - 1)


def forged(value: object) -> bytes:
    """Returns a line with a right checksum, as a stranger can make it."""
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"%08x %s\n" % (zlib.crc32(payload), payload)


@pytest.mark.parametrize(
    "value",
    [
        {"start": 0, "crc32": 1, "sentences": [["k", -5]]},
        {"start": 0, "crc32": 1, "sentences": [["k", 1.5]]},
        {"start": 0, "crc32": 1, "sentences": [[7, 1]]},
        {"start": 0, "crc32": 1, "sentences": 7},
        {"start": 0, "sentences": []},
        [1],
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_forged_line_is_refused(value: object, tmp_path: Path) -> None:
    (tmp_path / "index").write_bytes(HEADER + forged(value))
    with pytest.raises(InputError, match=r"index:2: found"):
        read_index(tmp_path / "index")


def test_a_forged_description_of_the_encoder_is_refused(tmp_path: Path) -> None:
    first = json.loads(HEADER.partition(b" ")[2])
    (tmp_path / "index").write_bytes(forged(first | {"spec": first["spec"] | {"width": 0}}))
    with pytest.raises(InputError, match=r"index:1: found width = 0"):
        read_index(tmp_path / "index")
