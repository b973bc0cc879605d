"""Tests of filling a cache: every missing sentence is encoded once."""

from pathlib import Path
from typing import Any

import pytest

from cman_jax.encoders.store.cache import FeatureWriter
from cman_jax.encoders.store.fill import add_features
from cman_jax.errors import InputError
from cman_jax.types import Sentence
from tests.fake_encoder import SPEC, FakeEncoder, named, numbered


class Failing(FakeEncoder):
    """A stand-in for an encoder that fails at its second call."""

    def encode(self, sentences: Any) -> Any:
        if len(self.calls) == 1:
            raise MemoryError
        return super().encode(sentences)


def test_a_run_that_failed_is_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    sentences = numbered(range(600))
    add_features(FakeEncoder(), sentences, tmp_path / "whole")
    with pytest.raises(MemoryError):
        add_features(Failing(), sentences, tmp_path / "failed")
    assert "600 different: 256 there already, 344 encoded" in add_features(
        FakeEncoder(), sentences, tmp_path / "failed"
    )
    for name in ("features.f16", "features.index"):
        assert (tmp_path / "failed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_only_the_missing_sentences_of_another_corpus_are_encoded(tmp_path: Path) -> None:
    add_features(FakeEncoder(), named(["a"], ["b"]), tmp_path)
    report = add_features(FakeEncoder(), named(["b"], ["c"], ["c"]), tmp_path)
    assert report.startswith("3 sentences, 2 different: 1 there already, 1 encoded in ")
    assert report.endswith(": 3 sentences, 0.0 MiB")


def test_a_complete_cache_is_used_while_another_program_adds_to_it(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    add_features(encoder, numbered(range(3)), tmp_path)
    with FeatureWriter(tmp_path, encoder.spec):
        assert "2 there already, 0 encoded" in add_features(encoder, numbered(range(1, 3)), tmp_path)
        with pytest.raises(InputError, match="another program that writes there"):
            add_features(encoder, numbered(range(4)), tmp_path)


def test_a_cache_of_another_encoder_is_refused_before_anything_is_encoded(tmp_path: Path) -> None:
    add_features(FakeEncoder(), named(["a"]), tmp_path)
    other = FakeEncoder(SPEC._replace(digest="d2"))
    with pytest.raises(InputError, match="an encoder of digest 'd1', expected digest 'd2'"):
        add_features(other, [Sentence("1", ("b",))], tmp_path)
    assert other.calls == []
