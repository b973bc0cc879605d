"""Tests of the measurement of corpora on disk: both ways take the same steps, with a figure for each."""

from pathlib import Path

import pytest

from cman_jax.data import annotated
from cman_jax.data.corpus import load_splits
from experiments import corpus
from tests.builders import quick_compilation, tiny_config


def test_both_ways_take_the_same_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotated, "LARGE", 0)
    corpus.write_corpus(tmp_path / "data", 50)
    ids = [sentence.id for sentence in load_splits(tmp_path / "data")["train"]]
    assert (len(set(ids)), ids[0], ids[-1]) == (50, "train-0001", "train-0050")
    config = tiny_config()
    config.data.bucket_lengths = (32, 64)
    found = {}
    for way in corpus.WAYS:
        with quick_compilation():
            found[way] = corpus.measure(way, config, tmp_path / "data", tmp_path / way, 6)
        assert found[way]["sentences"] == 50
        assert found[way]["step_milliseconds"] > 0
        assert 0 <= found[way]["waiting_percent"] <= 100
        assert found[way]["peak_gib"] > 0.1
    assert found["on disk"]["params"] == found["in memory"]["params"]
