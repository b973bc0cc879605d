"""Tests of the cache: features are read as written; missing, damaged and foreign ones are refused."""

import json
import shutil
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from cman_jax.encoders.store.cache import FeatureCache, FeatureWriter
from cman_jax.errors import InputError
from cman_jax.types import EncoderSpec, Sentence
from tests.fake_encoder import SPEC, FakeEncoder, named, numbered

AWKWARD = [
    ("a", "b"),
    ("ab",),
    ("a", "b", ""),
    ("", "ab"),
    ("a b",),
    ("a\tb\n",),
    ("1:a", "1:b"),
    ("1:a1:b",),
    ("naïve", "café", "🙂", "東京"),
    ("e\u0301",),
    ("\u00e9",),
    ("\ud83d\ude00",),  # two lone surrogates
    ("😀",),
    ("\0",),
    (),
]


def fill(directory: Path, sentences: Sequence[Sentence], encoder: FakeEncoder | None = None) -> FakeEncoder:
    """Adds sentences to a cache with an encoder, and returns the encoder."""
    encoder = encoder or FakeEncoder()
    with FeatureWriter(directory, encoder.spec) as writer:
        for chunk in writer.missing_chunks(sentences):
            writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))
    return encoder


def content(directory: Path) -> dict[str, bytes]:
    """Returns the bytes of each file in a directory."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def assert_features_of(cache: FeatureCache, sentences: Sequence[Sentence]) -> None:
    """Checks the features of sentences up to rounding and up to what depends on the sentences of the call."""
    for sentence in sentences:
        offset = cache.features(sentence.tokens) - FakeEncoder().vectors(sentence.tokens)
        assert ((offset >= -0.25) & (offset <= 1.25)).all()  # float16 near 500 has steps of a quarter


def test_features_are_found_by_their_tokens(tmp_path: Path) -> None:
    sentences = named(*AWKWARD)
    encoder = fill(tmp_path, sentences)
    cache = FeatureCache.open(tmp_path)
    assert cache.spec == SPEC
    assert len(cache) == len(AWKWARD) - 1  # the empty sentence needs no entry
    cache.check(sentences)
    cache.verify()
    expected = dict(zip(encoder.calls[0], encoder.encode(encoder.calls[0]), strict=True))
    for tokens, features in expected.items():
        np.testing.assert_array_equal(cache.features(tokens), features.astype(np.float16))
        np.testing.assert_array_equal(cache.features(list(tokens)), cache.features(tokens))
    assert cache.features(()).shape == (2, 0, 3)
    assert () not in encoder.calls[0]


def test_features_are_a_view_of_the_file_that_cannot_be_written_to(tmp_path: Path) -> None:
    fill(tmp_path, named(["a"], ["b", "c"]))
    features = FeatureCache.open(tmp_path).features(["b", "c"])
    assert not features.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        features[0, 0, 0] = 1


def test_the_data_is_little_endian_float16_in_the_order_of_the_sentences(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    fill(tmp_path, named(["a"], ["b", "c"], ["a"]), encoder)
    first, second = encoder.encode([("a",), ("b", "c")])
    data = (tmp_path / "features.f16").read_bytes()
    assert data == first.astype("<f2").tobytes() + second.astype("<f2").tobytes()


def test_a_cache_can_be_moved(tmp_path: Path) -> None:
    sentences = numbered(range(100))
    fill(tmp_path / "here", sentences)
    assert str(tmp_path) not in (tmp_path / "here" / "features.index").read_text()
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert_features_of(FeatureCache.open(tmp_path / "there"), sentences)


def test_sentences_are_encoded_once_in_the_order_they_are_first_seen(tmp_path: Path) -> None:
    encoder = fill(tmp_path, [*numbered(range(270)), *numbered([3, 999, 0])])
    order = [sentence.tokens for sentence in numbered([*range(270), 999])]
    assert encoder.calls == [order[:256], order[256:]]


def test_a_cache_is_extended_by_the_missing_sentences(tmp_path: Path) -> None:
    fill(tmp_path, numbered(range(70)))
    before = content(tmp_path)
    encoder = fill(tmp_path, numbered([200, 5, *range(60, 75)]))
    assert encoder.calls == [[sentence.tokens for sentence in numbered([200, *range(70, 75)])]]
    assert all(after.startswith(before[name]) for name, after in content(tmp_path).items())
    assert_features_of(FeatureCache.open(tmp_path), numbered([*range(75), 200]))
    assert fill(tmp_path, numbered(range(75))).calls == []


def test_an_open_cache_does_not_change_while_a_writer_extends_it(tmp_path: Path) -> None:
    fill(tmp_path, numbered(range(10)))
    cache = FeatureCache.open(tmp_path)
    fill(tmp_path, numbered(range(20)))
    assert_features_of(cache, numbered(range(10)))
    assert numbered([15])[0].tokens not in cache


def test_absent_sentences_are_named_and_counted(tmp_path: Path) -> None:
    fill(tmp_path, named(["a", "b"]))
    cache = FeatureCache.open(tmp_path)
    with pytest.raises(
        InputError, match=r"found no features for 'ab', expected features of every sentence .add the miss"
    ):
        cache.features(["ab"])
    wanted = named(["a", "b"], ["c", "d"], ["a", "b"], ["e"])
    with pytest.raises(InputError, match=r"no features for 2 of 4 sentences \(the first is s1: 'c d'\)"):
        cache.check(wanted)


@pytest.mark.parametrize("value", [65520.0, -7e4, np.inf, np.nan])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_value_too_large_for_float16_is_refused_with_its_place(
    tmp_path: Path, value: float, dtype: type
) -> None:
    features = np.ones((2, 3, 3), dtype)
    with np.errstate(over="ignore"):
        features[1, 2, 0] = value
    (sentence,) = named(["a", "b", "c"])
    with FeatureWriter(tmp_path, SPEC) as writer:
        with pytest.raises(
            InputError, match=r"in layer 1 of token 2 of 'a b c', expected numbers up to 65504"
        ):
            writer.append([sentence], [features])
        features[1, 2, 0] = 65504
        writer.append([sentence], [features])
    assert FeatureCache.open(tmp_path).features("abc")[1, 2, 0] == 65504


def test_an_encoder_that_loses_a_token_is_refused(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path, SPEC) as writer, pytest.raises(ValueError, match=r"s0: \(2, 1, 3\)"):
        writer.append(named(["a", "b"]), [np.zeros((2, 1, 3), np.float32)])


@pytest.mark.parametrize("field", EncoderSpec._fields)
def test_another_encoder_is_refused_and_the_difference_named(tmp_path: Path, field: str) -> None:
    fill(tmp_path, named(["a"]))
    before = content(tmp_path)
    value = getattr(SPEC, field)
    other = SPEC._replace(**{field: value + value})
    with pytest.raises(
        InputError, match=rf"an encoder of {field} {value!r}, expected {field} {value + value!r}"
    ):
        FeatureWriter(tmp_path, other)
    assert content(tmp_path) == before


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path, SPEC):
        with pytest.raises(InputError, match="another program that writes there"):
            FeatureWriter(tmp_path, SPEC)
        assert len(FeatureCache.open(tmp_path)) == 0
    fill(tmp_path, named(["a"]))


def test_a_directory_without_a_cache_is_refused(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="no cache of features"):
            FeatureCache.open(directory)
    assert not (tmp_path / "absent").exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, named(["a"]))
    index = tmp_path / "features.index"
    header, chunk, _ = index.read_bytes().split(b"\n")
    header = json.dumps({**json.loads(header[9:]), "version": 2, "spec": None}).encode()
    index.write_bytes(b"%08x %s\n%s\n" % (zlib.crc32(header), header, chunk))
    before = content(tmp_path)
    for use in (FeatureCache.open, lambda path: FeatureWriter(path, SPEC)):
        with pytest.raises(
            InputError, match=r"index:1: found 'cman-jax features', version 2, expected .*version 1"
        ):
            use(tmp_path)
    assert content(tmp_path) == before


def mutations(original: bytes) -> list[bytes]:
    """Returns damaged versions of a file.

    Every byte is changed or lost, and every line is lost, doubled or exchanged with the next line.
    """
    changed = [original[:i] + bytes([original[i] ^ 1]) + original[i + 1 :] for i in range(len(original))]
    shorter = [original[:i] + original[i + 1 :] for i in range(len(original))]
    lines = original.splitlines(keepends=True)
    moved = [
        b"".join([*lines[:i], *piece, *lines[i + 2 :]])
        for i in range(len(lines) - 1)
        for piece in ([lines[i]], [lines[i + 1]], [lines[i]] * 2, [lines[i + 1], lines[i]])
    ]
    return changed + shorter + moved


@pytest.mark.parametrize("name", ["features.index", "features.f16"])
def test_no_damage_leads_to_wrong_features(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cman_jax.encoders.store.cache._CHUNK", 2)
    sentences = numbered(range(6))
    fill(tmp_path, sentences)
    path = tmp_path / name
    original = path.read_bytes()
    for damaged in mutations(original):
        path.write_bytes(damaged)
        try:
            cache = FeatureCache.open(tmp_path)
            cache.verify()
        except InputError:
            continue
        # Only the loss of the last lines, or of a part of the last line, looks like an unfinished run.
        assert name == "features.index"
        assert_features_of(cache, [sentence for sentence in sentences if sentence.tokens in cache])
        with pytest.raises(InputError, match=r"no features for [246] of 6"):
            cache.check(sentences)
    path.write_bytes(original)
    FeatureCache.open(tmp_path).check(sentences)


def test_a_cache_with_damaged_values_is_not_extended(tmp_path: Path) -> None:
    fill(tmp_path, numbered(range(70)))
    path = tmp_path / "features.f16"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        InputError, match=r"features\.f16: found bytes \d+ to \d+ with another checksum than in the"
    ):
        fill(tmp_path, numbered(range(80)))


@pytest.mark.parametrize("use", [FeatureCache.open, lambda path: FeatureWriter(path, SPEC)])
def test_values_that_are_shorter_than_the_index_describes_are_refused(
    use: Callable[[Path], object], tmp_path: Path
) -> None:
    fill(tmp_path, named(["a", "b"]))
    path = tmp_path / "features.f16"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"features\.f16: found 23 bytes, expected at least the 24"):
        use(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"features\.f16: found 0 bytes"):
        use(tmp_path)
