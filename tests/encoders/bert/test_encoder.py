"""Tests of MiniLM as an encoder of words: a tiny model by itself, and the published weights against PyTorch.

The comparison with PyTorch takes 8 sentences of CoNLL04; a package that is not installed is skipped. This
command takes N sentences and the name of a package, and prints the largest difference:

    python -m tests.encoders.bert.test_encoder N mpnet
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
import pytest

from cman_jax.encoders.bert.checkpoint import read_bert
from cman_jax.encoders.bert.encoder import BertEncoder, bucket_lengths
from cman_jax.encoders.bert.network import Bert
from cman_jax.encoders.bert.packages import find_package
from cman_jax.encoders.bert.weights import params_from_checkpoint
from cman_jax.encoders.windows import plan_windows
from cman_jax.errors import InputError
from data_prep.conll04 import read_split
from tests.builders import lengths_to_mask
from tests.conftest import SHARED_DATA

pytest.importorskip("safetensors", reason="needs the extra encoders")
pytest.importorskip("tokenizers", reason="needs the extra encoders")
from experiments.faults import tiny_minilm

Words = Sequence[str]

NO_PIECE = "\u200b"
SENTENCES = [
    ["ada", "lives", "in", "a", "town", "."],
    ["no"],
    ["a", NO_PIECE, "b-c"],
    [],
    [NO_PIECE],
    ["twenty"] * 5,
    ["bcd", "." * 30],
]
CAPACITY = tiny_minilm.CONFIG.num_positions - 2


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the directory of a tiny encoder."""
    return tiny_minilm.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def encoder(directory: Path) -> BertEncoder:
    """Returns the tiny encoder."""
    return BertEncoder.load(directory)


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_every_word_has_a_vector_per_layer_in_the_order_of_the_words(encoder: BertEncoder) -> None:
    together = encoder.encode(SENTENCES)
    assert [features.shape for features in together] == [(3, len(words), 8) for words in SENTENCES]
    for words, features in zip(SENTENCES, together, strict=True):
        assert_close(features, encoder.encode([words])[0])
    for features, expected in zip(encoder.encode(SENTENCES[::-1]), together[::-1], strict=True):
        assert_close(features, expected)
    assert encoder.encode([]) == []


def test_many_sentences_of_one_length_fill_several_batches(encoder: BertEncoder) -> None:
    sentences = [list("abcdefghijkl")[i % 5 :] for i in range(75)]
    features = encoder.encode(sentences)
    for i in (31, 32, 33, 64, 74):
        assert_close(features[i], features[i % 5])
    assert np.abs(features[0][2, 1:] - features[1][2]).max() > 1e-3


def test_a_word_without_pieces_has_zeros_and_does_not_change_other_words(encoder: BertEncoder) -> None:
    features, without = encoder.encode([["a", NO_PIECE, "b-c", NO_PIECE], ["a", "b-c"]])
    assert not features[:, [1, 3]].any()
    assert_close(features[:, [0, 2]], without)
    assert features[:, [0, 2]].all()


@pytest.fixture(scope="module")
def expected_features(directory: Path) -> Callable[[Words], np.ndarray]:
    """Returns a function that computes features window by window and piece by piece."""
    files = read_bert(directory)
    apply = jax.jit(Bert(files.config).apply)
    variables = {"params": params_from_checkpoint(files.weights, files.config)}

    def features(words: Words) -> np.ndarray:
        ids, owners = files.pieces.split(words)
        of_words: list[list[np.ndarray]] = [[] for _ in words]
        for window in plan_windows(owners, CAPACITY):
            row = [files.pieces.cls, *ids[window.start : window.stop], files.pieces.sep]
            padded = np.array([row + [0] * (CAPACITY + 2 - len(row))])
            states = np.asarray(apply(variables, padded, lengths_to_mask([len(row)], CAPACITY + 2)))[:, 0]
            for piece in range(window.first, window.last):
                of_words[owners[piece]].append(states[:, 1 + piece - window.start])
        return np.stack([np.mean(vectors, 0) if vectors else np.zeros((3, 8)) for vectors in of_words], 1)

    return features


@pytest.mark.parametrize(
    "words",
    [
        *(SENTENCES[i] for i in (0, 2, 5)),
        ["a"] * CAPACITY,
        ["a"] * (CAPACITY + 1),
        ["abc", NO_PIECE, "-d", "e" * 9] * 12,
        ["a", "b" * 100, "c"],
    ],
    ids=["short", "no piece", "medium", "just fits", "just not", "long", "long word"],
)
def test_a_word_is_the_mean_of_its_pieces(
    encoder: BertEncoder, expected_features: Callable[[Words], np.ndarray], words: list[str]
) -> None:
    assert_close(encoder.encode([words])[0], expected_features(words))


def test_the_start_of_a_long_sentence_comes_from_its_first_window(
    directory: Path, encoder: BertEncoder
) -> None:
    words = [f"{'ab' * (i % 3)}c" for i in range(2000)]
    owners = read_bert(directory).pieces.split(words).words
    window = plan_windows(owners, CAPACITY)[0]
    features, alone = encoder.encode([words, words[: owners[window.stop]]])
    ours = owners[window.last]
    assert 0 < ours < alone.shape[1] < features.shape[1] == 2000
    assert_close(features[:, :ours], alone[:, :ours])
    assert np.abs(features[1:, ours] - alone[1:, ours]).max() > 1e-3
    assert features.any(2).all()


def test_the_spec_describes_the_files(directory: Path, encoder: BertEncoder) -> None:
    assert encoder.spec == ("bert", 3, 8, read_bert(directory).digest, 1)


def test_buckets_end_with_the_longest_input() -> None:
    assert bucket_lengths(512) == (16, 32, 64, 128, 256, 512)
    assert bucket_lengths(40) == (16, 32, 40)
    assert bucket_lengths(8) == (8,)


def torch_encoder(directory: Path) -> Callable[[Words], np.ndarray]:
    """Returns an encoder with PyTorch's network and its own tokeniser, one sentence at a time.

    Every word must have a piece.
    """
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    transformers = pytest.importorskip("transformers", reason="needs the package transformers")
    torch.set_num_threads(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.AutoModel.from_pretrained(directory).eval()

    def encode(words: Words) -> np.ndarray:
        inputs = tokenizer(list(words), is_split_into_words=True, return_tensors="pt", truncation=False)
        with torch.no_grad():
            states = model(**inputs, output_hidden_states=True).hidden_states
        owners = inputs.word_ids()
        pieces = [[i for i, owner in enumerate(owners) if owner == word] for word in range(len(words))]
        return np.stack([torch.cat(states)[:, rows].mean(1).numpy() for rows in pieces], 1)

    return encode


def largest_difference(package: str, num_sentences: int, data: Path) -> float:
    """Returns the largest difference from PyTorch in any layer of any word.

    The words are the first sentences of CoNLL04's dev split.
    """
    sentences = read_split(data / "conll04" / "bekoulis", "bekoulis", "dev").sentences
    words = [sentence.tokens for sentence in sentences[:num_sentences]]
    assert len(words) == num_sentences
    expected = map(torch_encoder(find_package(package)), words)
    found = BertEncoder.load(package).encode(words)
    return max(float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("package", ["minilm", "mpnet"])
def test_all_layers_equal_those_of_pytorch(package: str, shared_data: Path) -> None:
    try:
        find_package(package)
    except InputError as error:
        pytest.skip(str(error))
    assert largest_difference(package, 8, shared_data) < 2e-5


if __name__ == "__main__":
    print(largest_difference(sys.argv[2], int(sys.argv[1]), SHARED_DATA))
