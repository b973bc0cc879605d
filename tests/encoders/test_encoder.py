"""Tests of examples with contextual features, from an encoder or from a cache that it filled."""

from pathlib import Path

import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.data.stored import Stored
from cman_jax.encoders.encoder import encode_all, examples_of
from cman_jax.encoders.store.cache import FeatureCache
from cman_jax.encoders.store.fill import add_features
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.training.loop import train
from cman_jax.types import Sentence
from tests.builders import SENTENCES, vocabs_of
from tests.fake_encoder import SPEC, FakeEncoder

VOCABS = vocabs_of(SENTENCES)


def test_without_an_encoder_there_are_no_layers() -> None:
    for sentence, example in zip(SENTENCES, encode_all(SENTENCES, VOCABS, None), strict=True):
        assert example.features.shape == (0, len(sentence.tokens), 0)


def test_every_example_has_its_own_features_in_half_precision() -> None:
    encoder = FakeEncoder()
    examples = encode_all(SENTENCES, VOCABS, encoder)
    assert encoder.calls == [[sentence.tokens for sentence in SENTENCES]]
    for sentence, example in zip(SENTENCES, examples, strict=True):
        assert example.features.dtype == np.float16
        np.testing.assert_allclose(example.features, encoder.vectors(sentence.tokens), atol=1.5)


def test_a_cache_stands_in_for_the_encoder_that_filled_it(tmp_path: Path) -> None:
    add_features(FakeEncoder(), SENTENCES, tmp_path)
    cached = encode_all(SENTENCES, VOCABS, FeatureCache.open(tmp_path))
    for direct, example in zip(encode_all(SENTENCES, VOCABS, FakeEncoder()), cached, strict=True):
        np.testing.assert_array_equal(example.features, direct.features)


def test_an_empty_cache_does_not_count_as_no_encoder(tmp_path: Path) -> None:
    add_features(FakeEncoder(), [], tmp_path / "features")
    cache = FeatureCache.open(tmp_path / "features")
    with pytest.raises(InputError, match="found no features for"):
        train(Config(), {"train": SENTENCES, "dev": SENTENCES}, tmp_path / "run", encoder=cache)
    cache.spec = SPEC._replace(digest="d2")
    with pytest.raises(InputError, match=r"encoder.json: found features by an encoder of digest 'd1'"):
        Extractor.load(tmp_path / "run", encoder=cache)


def test_a_sentence_that_the_cache_lacks_is_named(tmp_path: Path) -> None:
    add_features(FakeEncoder(), SENTENCES[:2], tmp_path)
    with pytest.raises(InputError, match=r"found no features for .*Ben of Acme"):
        encode_all(SENTENCES, VOCABS, FeatureCache.open(tmp_path))


class OnDisk(Stored):
    """Sentences that count as such on disk."""

    def __len__(self) -> int:
        return len(SENTENCES)

    def read(self, index: int) -> Sentence:
        return SENTENCES[index]


def test_examples_of_sentences_on_disk_are_encoded_when_they_are_asked_for(tmp_path: Path) -> None:
    add_features(FakeEncoder(), SENTENCES, tmp_path)
    for encoder in (None, FeatureCache.open(tmp_path)):
        due, now = (examples_of(each, VOCABS, encoder) for each in (OnDisk(), SENTENCES))
        assert isinstance(now, list)
        assert not isinstance(due, list)
        for ours, theirs in zip([*due[:2], due[2], due[-1]], now, strict=True):
            assert repr(ours) == repr(theirs)
    assert isinstance(examples_of(OnDisk(), VOCABS, FakeEncoder()), list)  # would compute features anew


def test_values_too_large_for_half_precision_are_refused() -> None:
    class Large(FakeEncoder):
        def vectors(self, tokens: object) -> np.ndarray:
            return np.full((SPEC.num_layers, len(tokens), SPEC.width), 1e6, np.float32)

    with pytest.raises(InputError, match=r"contextual features: found 1000000.* in layer 0 of token 0"):
        encode_all(SENTENCES, VOCABS, Large())
