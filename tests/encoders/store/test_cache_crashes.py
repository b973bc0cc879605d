"""Tests of killed writers: the next writer restores the cache to the byte, wherever the kill happened."""

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cman_jax.encoders.store.cache import FeatureCache, FeatureWriter
from tests.fake_encoder import SPEC, FakeEncoder, numbered

ROOT = Path(__file__).resolve().parents[3]

SLOW_RUN = """
import sys
from cman_jax.encoders.store import cache
from cman_jax.encoders.store.cache import FeatureWriter
from tests.fake_encoder import FakeEncoder, numbered

cache._CHUNK = 64
encoder = FakeEncoder(seconds_per_call=0.003)
with FeatureWriter(sys.argv[1], encoder.spec) as writer:
    for chunk in writer.missing_chunks(numbered(range(4000))):
        writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))
        print("jax" in sys.modules, flush=True)
"""


def fill(directory: Path, numbers: range) -> None:
    """Adds sentences to a cache."""
    encoder = FakeEncoder()
    with FeatureWriter(directory, SPEC) as writer:
        for chunk in writer.missing_chunks(numbered(numbers)):
            writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))


def content(directory: Path) -> dict[str, bytes]:
    """Returns the bytes of each file in a directory."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_run_that_is_killed_ten_times_and_resumed_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cman_jax.encoders.store.cache._CHUNK", 64)
    fill(tmp_path / "whole", range(4000))  # 63 chunks
    rng = random.Random(0)
    counts = [0]
    for _ in range(10):
        command = [sys.executable, "-c", SLOW_RUN, str(tmp_path / "killed")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert (
                process.stdout.readline() == "False\n"
            )  # a chunk is on disk; jax is not loaded, so this is quick
            time.sleep(rng.uniform(0, 0.02))
            process.kill()
        cache = FeatureCache.open(tmp_path / "killed")
        cache.verify()
        counts.append(len(cache))
    assert all(earlier < later for earlier, later in itertools.pairwise(counts))
    assert counts[-1] < 4000
    fill(tmp_path / "killed", range(4000))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def states(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Yields the files that can be on disk while a chunk is added.

    First a part of its values is there, then all of them and a part of its line.
    """
    data, index = "features.f16", "features.index"
    for size in range(len(before[data]), len(after[data])):
        yield {data: after[data][:size], index: before[index]}
    for size in range(len(before[index]), len(after[index])):
        yield {data: after[data], index: after[index][:size]}


@pytest.mark.parametrize("num_before", [0, 6])
def test_a_chunk_cut_off_at_any_byte_is_encoded_again(
    num_before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cman_jax.encoders.store.cache._CHUNK", 3)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    fill(tmp_path, range(num_before))
    before = content(tmp_path)
    fill(tmp_path, range(num_before + 3))
    after = content(tmp_path)
    fill(tmp_path, range(num_before + 5))
    whole = content(tmp_path)
    for state in states(before, after):
        for name, value in state.items():
            (tmp_path / name).write_bytes(value)
        assert len(FeatureCache.open(tmp_path)) == num_before
        fill(tmp_path, range(num_before + 5))
        assert content(tmp_path) == whole


def test_a_cache_cut_off_within_its_first_line_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)
    fill(tmp_path, range(0))
    header = (tmp_path / "features.index").read_bytes()
    fill(tmp_path, range(5))
    whole = content(tmp_path)
    for size in range(len(header)):
        (tmp_path / "features.f16").write_bytes(b"")
        (tmp_path / "features.index").write_bytes(header[:size])
        fill(tmp_path, range(5))
        assert content(tmp_path) == whole


def test_a_line_is_begun_when_its_data_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records the sizes of both files at every fsync of a file."""
    fsync, sizes = os.fsync, []

    def record(file: int) -> None:
        fsync(file)
        sizes.append([os.path.getsize(tmp_path / name) for name in ("features.f16", "features.index")])

    with FeatureWriter(tmp_path, SPEC) as writer:
        (chunk,) = writer.missing_chunks(numbered(range(5)))
        header = os.path.getsize(tmp_path / "features.index")
        monkeypatch.setattr(os, "fsync", record)
        writer.append(chunk, FakeEncoder().encode([sentence.tokens for sentence in chunk]))
    final = [os.path.getsize(tmp_path / name) for name in ("features.f16", "features.index")]
    assert sizes == [[final[0], header], final]
