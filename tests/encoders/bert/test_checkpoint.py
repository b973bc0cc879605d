"""Tests of reading an encoder's directory: what is read, and which damaged or foreign files are refused."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from cman_jax.encoders.bert.checkpoint import read_bert
from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.packages import PACKAGES, find_package
from cman_jax.errors import InputError
from tests.builders import normal

pytest.importorskip("safetensors", reason="needs the extra encoders")
pytest.importorskip("tokenizers", reason="needs the extra encoders")
from experiments.faults import tiny_minilm

WEIGHTS_SHA256 = PACKAGES["minilm"].weights_sha256
NAME = "encoder.layer.1.output.dense.weight"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Returns the directory of a tiny encoder."""
    return tiny_minilm.write(tmp_path / "model")


def test_all_three_files_are_read(directory: Path) -> None:
    files = read_bert(directory)
    assert files.config == tiny_minilm.CONFIG
    expected = tiny_minilm.weights()
    assert files.weights.keys() == expected.keys()
    for name, array in files.weights.items():
        np.testing.assert_array_equal(array, expected[name])
    assert tiny_minilm.VOCAB[files.pieces.cls] == "[CLS]"
    assert tiny_minilm.VOCAB[files.pieces.sep] == "[SEP]"


def test_the_digest_changes_with_each_file(directory: Path) -> None:
    digests = {read_bert(directory).digest}
    assert read_bert(directory).digest in digests
    (directory / "config.json").write_text(json.dumps(tiny_minilm.OPTIONS | {"use_cache": True}))
    digests.add(read_bert(directory).digest)
    tiny_minilm.write(directory, arrays=tiny_minilm.weights() | {"pooler.dense.bias": normal(0, 8)})
    digests.add(read_bert(directory).digest)
    tiny_minilm.write(directory, vocab=[*tiny_minilm.VOCAB[:-1], "##!"])
    digests.add(read_bert(directory).digest)
    assert len(digests) == 4


def split(directory: Path, words: list[str]) -> tuple[list[str], list[int]]:
    """Returns the pieces of the words, and the index of each piece's word."""
    ids, owners = read_bert(directory).pieces.split(words)
    return [tiny_minilm.VOCAB[i] for i in ids], owners.tolist()


def test_pieces_belong_to_words_and_some_words_have_none(directory: Path) -> None:
    pieces, owners = split(directory, ["Ab", "\u200b", "\x07", "c-d", "€", "\ud800", "\ud800e"])
    assert pieces == ["a", "##b", "c", "-", "d", "[UNK]", "e"]
    assert owners == [0, 0, 3, 3, 3, 4, 6]
    assert split(directory, []) == ([], [])


def test_truncation_and_padding_of_the_file_are_off(directory: Path) -> None:
    assert split(directory, ["a"] * 50) == (["a"] * 50, list(range(50)))
    assert split(directory, ["a"])[0] == ["a"]


def test_a_word_spelled_like_a_special_piece_is_a_word(directory: Path) -> None:
    assert split(directory, ["[SEP]"])[0] == ["[", "s", "##e", "##p", "]"]


def test_weights_with_another_digest_are_refused(directory: Path) -> None:
    digest = hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()
    assert read_bert(directory, digest)
    with pytest.raises(InputError, match=f"found the SHA-256 {digest}, expected 53aa5117"):
        read_bert(directory, WEIGHTS_SHA256)


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_weight_file_is_refused(directory: Path, size: int) -> None:
    path = directory / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match=r"model\.safetensors: found unreadable content"):
        read_bert(directory)


@pytest.mark.parametrize("kind", [np.float16, ml_dtypes.bfloat16])
def test_weights_of_half_the_width_become_float32_exactly(directory: Path, kind: Any) -> None:
    narrow = {name: array.astype(kind) for name, array in tiny_minilm.weights().items()}
    found = read_bert(tiny_minilm.write(directory, arrays=narrow)).weights
    assert all(array.dtype == np.float32 for array in found.values())
    for name, array in found.items():
        np.testing.assert_array_equal(array, narrow[name].astype(np.float32))


def test_weights_of_whole_numbers_are_refused(directory: Path) -> None:
    whole = {name: array.astype(np.int32) for name, array in tiny_minilm.weights().items()}
    with pytest.raises(InputError, match=r" of type I32, expected one of F32, F16, BF16"):
        read_bert(tiny_minilm.write(directory, arrays=whole))


def test_old_names_and_the_prefix_of_a_whole_network_are_read(directory: Path) -> None:
    expected = read_bert(directory)
    old = {".weight": ".gamma", ".bias": ".beta"}

    def renamed(name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        return f"bert.{stem}{old[dot + ending] if stem.endswith('LayerNorm') else dot + ending}"

    arrays = {renamed(name): array for name, array in tiny_minilm.weights().items()}
    assert "bert.embeddings.LayerNorm.gamma" in arrays
    files = read_bert(tiny_minilm.write(directory, arrays=arrays))
    assert files.digest != expected.digest
    for name, array in expected.weights.items():
        np.testing.assert_array_equal(files.weights[name], array)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(InputError, match=f"{name}: found no readable file"):
        read_bert(directory)


def test_a_tokeniser_in_older_files_gets_the_command_that_converts_it(directory: Path) -> None:
    (directory / "tokenizer.json").rename(directory / "vocab.txt")
    with pytest.raises(InputError, match=r"json: found no such file, but vocab\.txt, .*save_pretrained"):
        read_bert(directory)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (None, f"no array {NAME}, expected one of shape"),
        (normal(0, 12, 8), r"of shape \[12, 8\], expected shape \[8, 12\]"),
        (np.full((8, 12), np.nan, np.float32), "not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, array: Any, found: str) -> None:
    arrays = tiny_minilm.weights() | {NAME: array}
    directory = tiny_minilm.write(tmp_path, arrays={k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(InputError, match=found):
        read_bert(directory)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"model_type": "gpt2"}, "model_type = 'gpt2', expected one of bert, roberta, .*mpnet"),
        ({"model_type": ["bert"]}, r"model_type = \['bert'\], expected one of bert"),
        ({"hidden_act": "mish"}, "hidden_act = 'mish', expected one of gelu, gelu_new, relu"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type = 'relative_key', expected 'a",
        ),
        ({"is_decoder": True}, "is_decoder = True, expected False, or no is_decoder"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ({"rope_theta": 1e4}, "the unknown attribute 'rope_theta' = 10000.0, expected only attributes"),
        ({"type_vocab_size": 0}, "type_vocab_size = 0, expected a positive int"),
        ({"hidden_size": None}, "hidden_size = None"),
        ({"hidden_size": 8.0}, "hidden_size = 8.0, expected a positive int"),
        ({"num_hidden_layers": 0}, "num_hidden_layers = 0"),
        ({"layer_norm_eps": "tiny"}, "layer_norm_eps = 'tiny', expected a positive float"),
        ({"num_attention_heads": 3}, r"num_attention_heads = 3, expected a divisor of hidden_size \(8\)"),
        ({"max_position_embeddings": 3}, "max_position_embeddings = 3, expected at least 4"),
    ],
)
def test_settings_that_are_not_supported_are_refused(
    tmp_path: Path, change: dict[str, Any], found: str
) -> None:
    with pytest.raises(InputError, match=found):
        read_bert(tiny_minilm.write(tmp_path, tiny_minilm.OPTIONS | change))


def test_a_setting_that_is_no_number_is_refused(directory: Path) -> None:
    # Strict JSON has no NaN, but Python reads and writes it.
    settings = tiny_minilm.OPTIONS | {"layer_norm_eps": float("nan")}
    (directory / "config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="layer_norm_eps = nan, expected a positive float"):
        read_bert(directory)


def test_a_byte_order_mark_before_the_settings_is_skipped(directory: Path) -> None:
    path = directory / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_bert(directory).config == tiny_minilm.CONFIG


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff{}"])
def test_settings_that_are_not_a_json_object_are_refused(directory: Path, content: bytes) -> None:
    (directory / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json"):
        read_bert(directory)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff"])
def test_a_damaged_tokeniser_is_refused(directory: Path, content: bytes) -> None:
    (directory / "tokenizer.json").write_bytes(content)
    with pytest.raises(InputError, match=r"tokenizer\.json: found unreadable content"):
        read_bert(directory)


def test_a_tokeniser_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found piece 60, expected pieces below vocab_size = 60"):
        read_bert(tiny_minilm.write(tmp_path, vocab=[*tiny_minilm.VOCAB, "!"]))
    with pytest.raises(InputError, match=r"no piece \[CLS\]"):
        read_bert(tiny_minilm.write(tmp_path, vocab=["[UNK]", "a"]))


@pytest.mark.parametrize("module", ["safetensors", "tokenizers"])
def test_a_missing_extra_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"cman-jax\[encoders\]"):
        read_bert(directory)


def test_the_published_files_are_read() -> None:
    try:
        directory = find_package("minilm")
    except InputError as error:
        pytest.skip(str(error))
    files = read_bert(directory, WEIGHTS_SHA256)
    assert files.name == "minilm"
    assert files.config == BertConfig("bert", 30522, 512, 384, 6, 12, 1536, 1e-12)
    pieces = [files.pieces.tokenizer.id_to_token(i) for i in files.pieces.split(["Unaffordable", "."]).ids]
    assert pieces == ["una", "##ff", "##ord", "##able", "."]
