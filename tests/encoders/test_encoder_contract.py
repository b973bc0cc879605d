"""Each family of BERT's network against PyTorch's network of the package transformers, on the same weights.

The checkpoints are tiny and random; transformers makes them. A family is one row of `ROWS`.
"""

import string
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import DataConfig
from cman_jax.data.pieces import pad_pieces
from cman_jax.encoders.bert.checkpoint import read_bert
from cman_jax.encoders.bert.deberta import distance_buckets
from cman_jax.encoders.bert.encoder import BertEncoder
from cman_jax.encoders.bert.families import FAMILIES
from cman_jax.encoders.bert.lower import LowerLayers, lower_files
from cman_jax.encoders.bert.network import Bert, buckets
from cman_jax.encoders.bert.upper import Upper, UpperLayers, upper_constants, upper_params
from cman_jax.encoders.bert.weights import params_from_checkpoint
from cman_jax.encoders.pooling import pool_batch
from cman_jax.encoders.windows import POOLINGS, plan_windows
from cman_jax.types import Sizes
from tests.builders import normal

pytest.importorskip("safetensors", reason="needs the extra encoders")
pytest.importorskip("tokenizers", reason="needs the extra encoders")
import tokenizers

from experiments.faults import tiny_minilm

LAYERS, WIDTH, LONGEST = 3, 16, 24
SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 20,
    "max_position_embeddings": LONGEST,
}
AFTER_PADDING = SIZES | {"max_position_embeddings": LONGEST + 2, "pad_token_id": 1}
LETTERS = [*string.ascii_lowercase, *".,-€éß"]


def word_pieces(specials: Sequence[str]) -> Any:
    """Returns a tokeniser whose pieces are letters, which truncates and pads."""
    return tiny_minilm.tokenizer([*specials, *LETTERS, *(f"##{letter}" for letter in LETTERS)], specials)


def byte_pieces(specials: Sequence[str]) -> Any:
    """Returns a tokeniser of bytes with a few pieces for letters after a space."""
    pre = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces = [*specials, *sorted(pre.alphabet()), *(f"Ġ{letter}" for letter in "abct"), "th"]
    merges = [*(("Ġ", letter) for letter in "abct"), ("t", "h")]
    model = tokenizers.models.BPE({piece: i for i, piece in enumerate(pieces)}, merges)
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = pre
    made.add_special_tokens(list(specials))
    return made


def sentence_pieces(specials: Sequence[str]) -> Any:
    """Returns a tokeniser of likely pieces, in which a mark stands for the space before a word."""
    pieces = [(piece, 0.0) for piece in specials]
    pieces += [(piece, -len(piece) / 9) for piece in ["▁", *LETTERS, "▁a", "▁th", "ing", "▁the"]]
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=list(specials).index("<unk>")))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    made.add_special_tokens(list(specials))
    return made


BRACKETS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
ANGLES = ("<s>", "<pad>", "</s>", "<unk>")


class Row(NamedTuple):
    """One family: the attributes of its configuration beside the vocabulary, and its tokeniser."""

    settings: dict[str, Any]
    tokenizer: Callable[[Sequence[str]], Any]
    specials: tuple[str, ...]


ROWS = {
    "bert": Row(SIZES, word_pieces, BRACKETS),
    "roberta": Row(AFTER_PADDING | {"type_vocab_size": 1, "hidden_act": "relu"}, byte_pieces, ANGLES),
    "xlm-roberta": Row(AFTER_PADDING | {"type_vocab_size": 1}, sentence_pieces, ANGLES),
    "electra": Row(SIZES | {"embedding_size": 12, "hidden_act": "gelu_new"}, word_pieces, BRACKETS),
    "distilbert": Row(
        {
            "dim": WIDTH,
            "n_layers": LAYERS,
            "n_heads": 4,
            "hidden_dim": 20,
            "max_position_embeddings": LONGEST,
        },
        word_pieces,
        BRACKETS,
    ),
    "deberta-v2": Row(
        SIZES
        | {
            "relative_attention": True,
            "position_biased_input": False,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "pos_att_type": "p2c|c2p",
            "position_buckets": 8,
        },
        sentence_pieces,
        ("[PAD]", "<unk>", "[CLS]", "[SEP]"),
    ),
    "mpnet": Row(AFTER_PADDING, word_pieces, ANGLES),
}
NO_PIECE = "\x07"  # word pieces and sentence pieces of this word are none or unknown
SENTENCES = [
    ["the", "cat", "ate", "a", "thing", "."],
    ["É", "e\u0301té", "Straße", "日本", "\u200d🙂", NO_PIECE, "€-b"],
    ["a", "bc" * 31, "d"],
    ["thing", "of", "the", "town", "-", "x"] * 5,
    [],
]


class Family(NamedTuple):
    """A checkpoint of a family, and the same network in both frameworks."""

    name: str
    folder: Path
    tokenizer: Any  # every word is split as after a space
    original: Any  # PyTorch's network
    encoder: BertEncoder


@pytest.fixture(scope="module", params=ROWS)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    """Returns a tiny checkpoint, whose weights are random and all different."""
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    transformers = pytest.importorskip("transformers", reason="needs the package transformers")
    row, folder = ROWS[request.param], tmp_path_factory.mktemp(request.param)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    tokenizer = row.tokenizer(row.specials)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = transformers.AutoConfig.for_model(
        request.param, vocab_size=tokenizer.get_vocab_size(), **row.settings
    )
    torch.manual_seed(0)
    original = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        for name, parameter in original.named_parameters():
            parameter.normal_(1.0 if "norm.weight" in name.lower() else 0.0, 0.25)
    original.save_pretrained(folder)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if row.tokenizer is byte_pieces:
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    yield Family(request.param, folder, tokenizer, original, BertEncoder.load(folder))
    torch.set_num_threads(threads)


def expected_features(family: Family, words: Sequence[str], pooling: str) -> np.ndarray:
    """Returns the features by PyTorch's network, window by window and piece by piece."""
    import torch

    split = family.tokenizer.encode(list(words), is_pretokenized=True, add_special_tokens=False)
    owners = np.array(split.word_ids, np.int32)
    cls, sep = (family.tokenizer.token_to_id(name) for name in FAMILIES[family.name].specials)
    vectors: list[list[np.ndarray]] = [[] for _ in words]
    for window in plan_windows(owners, LONGEST - 2):
        row = torch.tensor([[cls, *split.ids[window.start : window.stop], sep]])
        with torch.no_grad():
            states = torch.cat(family.original(row, output_hidden_states=True).hidden_states).numpy()
        for piece in range(window.first, window.last):
            vectors[owners[piece]].append(states[:, 1 + piece - window.start])
    zero = np.zeros((LAYERS + 1, WIDTH), np.float32)
    means = [np.mean(each[:1] if pooling == "first" else each, 0) if each else zero for each in vectors]
    return np.stack(means, 1) if means else np.zeros((LAYERS + 1, 0, WIDTH))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_states_of_all_layers_are_those_of_pytorch(family: Family, pooling: str) -> None:
    encoder = family.encoder if pooling == "mean" else BertEncoder(read_bert(family.folder), pooling)
    found = encoder.encode(SENTENCES)
    for words, features in zip(SENTENCES, found, strict=True):
        np.testing.assert_allclose(features, expected_features(family, words, pooling), rtol=0, atol=2e-5)
    assert np.abs(found[3]).max() > 1


@pytest.mark.parametrize("num_trained", [1, LAYERS])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_frozen_and_trained_layers_together_are_the_encoder(
    family: Family, pooling: str, num_trained: int, tmp_path: Path
) -> None:
    """The states between them are rounded to float16."""
    files = read_bert(family.folder)
    upper = Upper(files.config, num_trained)
    for name, content in lower_files(files, upper).items():
        (tmp_path / name).write_bytes(content)
    spec = BertEncoder(files, pooling).spec
    lower = LowerLayers.load_part(tmp_path, upper, spec)
    encoded = lower.encode_pieces(SENTENCES)
    sizes = Sizes(1, 1, 1, 1, False, upper.first + 1, WIDTH, LONGEST)
    shape = (len(SENTENCES), max(map(len, SENTENCES)))
    (padded,) = pad_pieces([[each.pieces for each in encoded]], shape, DataConfig(), sizes)
    pieces = jax.tree.map(jnp.asarray, padded._replace(states=padded.states.astype(np.float32)))
    variables = {
        "params": upper_params(files.weights, upper),
        "constants": upper_constants(files.weights, files.config),
    }
    variables = jax.tree.map(jnp.asarray, variables)
    states = UpperLayers(upper).apply(variables, pieces.states, pieces.mask, train=False)
    pooled = [np.asarray(pool_batch(states[:, i], pieces, shape)) for i in range(num_trained)]
    for index, (words, each) in enumerate(zip(SENTENCES, encoded, strict=True)):
        expected = expected_features(family, words, pooling)
        np.testing.assert_allclose(each.features, expected[: upper.first + 1], rtol=0, atol=2e-5)
        for found, wanted in zip(pooled, expected[upper.first + 1 :], strict=True):
            np.testing.assert_allclose(found[index, : len(words)], wanted, rtol=0, atol=1e-2)
            assert not found[index, len(words) :].any()


def test_the_gradients_of_all_weights_are_those_of_pytorch(family: Family) -> None:
    import torch

    files = read_bert(family.folder)
    lengths, shape = [11, 7], (2, 11)
    ids = np.random.default_rng(0).integers(4, files.config.vocab_size, shape).astype(np.int32)
    mask = np.arange(shape[1]) < np.array(lengths)[:, None]
    weights = normal(1, LAYERS + 1, *shape, WIDTH, scale=0.05) * mask[None, :, :, None]

    network = Bert(files.config)
    params = params_from_checkpoint(files.weights, files.config)

    def loss(params: Any) -> jax.Array:
        return (network.apply({"params": params}, jnp.asarray(ids), jnp.asarray(mask)) * weights).sum()

    ours = jax.jit(jax.grad(loss))(jax.tree.map(jnp.asarray, params))

    family.original.zero_grad()
    padded = torch.tensor(np.where(mask, ids, family.original.config.pad_token_id)).long()
    states = family.original(padded, attention_mask=torch.tensor(mask).long(), output_hidden_states=True)
    (torch.stack(states.hidden_states) * torch.tensor(weights)).sum().backward()
    gradients = {name: p.grad.numpy() for name, p in family.original.named_parameters() if p.grad is not None}
    expected = params_from_checkpoint(gradients, files.config)
    for (path, found), wanted in zip(jax.tree.leaves_with_path(ours), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4, err_msg=jax.tree_util.keystr(path))
        assert np.abs(wanted).max() > 1e-3 or "key']['bias" in jax.tree_util.keystr(path)


def test_every_family_has_a_row_or_is_equal_to_one_that_has() -> None:
    tested = [FAMILIES[name] for name in ROWS]
    assert [name for name, family in FAMILIES.items() if family not in tested] == []


@pytest.mark.parametrize("num_buckets", [12, 32])
def test_the_buckets_of_distances_are_those_of_pytorch(num_buckets: int) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    pytest.importorskip("transformers", reason="needs the package transformers")
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    place = torch.arange(600)
    offsets = place[None, :] - place[:, None]
    expected = MPNetEncoder.relative_position_bucket(offsets, num_buckets)
    np.testing.assert_array_equal(buckets(600, num_buckets), expected.numpy())


@pytest.mark.parametrize(("span", "farthest"), [(8, 24), (256, 512)])
def test_the_buckets_of_deberta_are_those_of_pytorch(span: int, farthest: int) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch, which is an extra")
    pytest.importorskip("transformers", reason="needs the package transformers")
    from transformers.models.deberta_v2.modeling_deberta_v2 import build_relative_position

    pieces = torch.zeros(1, farthest, 1)
    expected = build_relative_position(pieces, pieces, span, farthest)[0] + span
    np.testing.assert_array_equal(
        distance_buckets(farthest, span, farthest), expected.clamp(0, 2 * span - 1).numpy()
    )
