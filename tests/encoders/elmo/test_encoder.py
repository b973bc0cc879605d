"""Tests of ELMo as an encoder: AllenNLP's numbers, loops, and what a sentence's vectors depend on."""

import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from cman_jax.encoders.elmo.encoder import ElmoEncoder
from cman_jax.errors import InputError
from experiments.faults import tiny_elmo
from tests import elmo_by_loops
from tests.builders import quick_compilation


@pytest.fixture(autouse=True)
def compilation() -> Iterator[None]:
    """Turns off most compiler optimisations, because these tests compile many lengths and compute little."""
    with quick_compilation():
        yield


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    """Returns the folder of AllenNLP's small ELMo.

    It contains vectors that AllenNLP's predecessor in TensorFlow computed.
    """
    folder = shared_data / "elmo_fixture"
    if not folder.is_dir():
        pytest.skip("the published ELMo is missing (expected in ../shared/data/elmo_fixture)")
    return folder


def encoder(folder: Path, *, stateful: bool = False) -> ElmoEncoder:
    """Loads the encoder of a folder."""
    return ElmoEncoder(folder / "options.json", folder / "lm_weights.hdf5", stateful=stateful)


@pytest.mark.parametrize("document", [0, 1])
def test_equals_the_published_vectors(published: Path, document: int) -> None:
    texts = json.loads((published / "sentences.json").read_text())[document]
    sentences = [text.split() for text in texts]
    with h5py.File(published / f"lm_embeddings_{document}.hdf5") as file:
        expected = [np.concatenate(file[str(i)][...], -1) for i in range(len(sentences))]
    top = [layers[2] for layers in encoder(published, stateful=True).encode(sentences)]
    for vectors, golden in zip(top, expected, strict=True):
        np.testing.assert_allclose(vectors, golden, rtol=0, atol=1e-5)
    # If no state is carried over, only the first sentence is the same.
    alone = [layers[2] for layers in encoder(published).encode(sentences)]
    np.testing.assert_allclose(alone[0], expected[0], rtol=0, atol=1e-5)
    assert all(np.abs(a - b).max() > 0.1 for a, b in zip(alone[1:], expected[1:], strict=True))


def test_equals_the_published_token_vectors(published: Path) -> None:
    words = (published / "vocab_test.txt").read_text(encoding="utf-8").split("\n")
    with h5py.File(published / "elmo_token_embeddings.hdf5") as file:
        expected = file["embedding"][...]
    assert {"<S>", "</S>", "<UNK>"} < set(words)
    np.testing.assert_allclose(encoder(published).token_embeddings(words), expected, rtol=0, atol=1e-5)


def test_the_spec_depends_on_the_carried_state(published: Path) -> None:
    spec = encoder(published).spec
    assert spec[:3] == ("elmo", 3, 32)
    # The features differ, so the specs must differ.
    assert encoder(published, stateful=True).spec == spec._replace(name="elmo-stateful")


ODD_WORDS = ("", "<S>", "</S>", "Köln", "日本語", "y" * 200, "é" * 30, "a\ud800b", "\0", "a b", "the", ".")


def sentences_of(lengths: tuple[int, ...]) -> list[list[str]]:
    """Returns random sentences of these lengths, made of unusual words."""
    rng = np.random.default_rng(0)
    return [[ODD_WORDS[i] for i in rng.integers(len(ODD_WORDS), size=length)] for length in lengths]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tiny_elmo.Tiny:
    """Returns a tiny ELMo."""
    return tiny_elmo.write(tmp_path_factory.mktemp("elmo"), tiny_elmo.options())


@pytest.mark.parametrize("stateful", [False, True])
def test_any_mixture_of_lengths_equals_loops(tiny: tiny_elmo.Tiny, stateful: bool) -> None:
    sentences = sentences_of((14, 1, 0, 30, 15, 1, 22, 135, 3, 23, 0))
    actual = ElmoEncoder(tiny.options_path, tiny.weights_path, stateful=stateful).encode(sentences)
    expected = elmo_by_loops.encode(tiny, sentences, stateful=stateful)
    for sentence, a, e in zip(sentences, actual, expected, strict=True):
        assert a.shape == (3, len(sentence), 6)
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-5)


def test_neighbours_and_order_do_not_change_a_sentence(tiny: tiny_elmo.Tiny) -> None:
    encoder = ElmoEncoder(tiny.options_path, tiny.weights_path)
    sentences = sentences_of((3, 5, 2) * 12)  # more than fit in one batch
    together = encoder.encode(sentences)
    backwards = encoder.encode(sentences[::-1])[::-1]
    for sentence, a, b in zip(sentences, together, backwards, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(a, encoder.encode([sentence])[0], rtol=1e-5, atol=1e-6)


def test_a_call_carries_no_state_to_the_next_call(tiny: tiny_elmo.Tiny) -> None:
    encoder = ElmoEncoder(tiny.options_path, tiny.weights_path, stateful=True)
    sentences = sentences_of((3, 2))
    for a, b in zip(encoder.encode(sentences), encoder.encode(sentences), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_words_there_are_no_vectors(tiny: tiny_elmo.Tiny) -> None:
    for stateful in (False, True):
        encoder = ElmoEncoder(tiny.options_path, tiny.weights_path, stateful=stateful)
        assert encoder.encode([]) == []
        assert encoder.encode([[]])[0].shape == (3, 0, 6)
    assert encoder.token_embeddings([]).shape == (0, 3)


def test_the_lowest_layer_is_the_characters_vector_twice(tiny: tiny_elmo.Tiny) -> None:
    encoder = ElmoEncoder(tiny.options_path, tiny.weights_path)
    vectors, layers = encoder.token_embeddings(ODD_WORDS), encoder.encode([ODD_WORDS])[0]
    np.testing.assert_allclose(layers[0], np.tile(vectors, 2), rtol=1e-5, atol=1e-6)


def test_bytes_beyond_the_longest_word_are_ignored(tiny: tiny_elmo.Tiny) -> None:
    encoder = ElmoEncoder(tiny.options_path, tiny.weights_path)
    whole, cut, shorter = encoder.token_embeddings(["ab" * 100, "ab" * 24, "ab" * 23])
    np.testing.assert_array_equal(whole, cut)
    assert (whole != shorter).any()


def test_bad_files_are_refused(tiny: tiny_elmo.Tiny, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no such file, expected ELMo's weights"):
        ElmoEncoder(tiny.options_path, tmp_path / "weights.hdf5")
