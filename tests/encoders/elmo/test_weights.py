"""Tests of ELMo's files: character ids, the order of arrays, and damaged or contradictory files."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cman_jax.encoders.elmo.options import read_options
from cman_jax.encoders.elmo.weights import char_ids, read_elmo
from cman_jax.errors import InputError
from experiments.faults import tiny_elmo

CELL = "RNN_1/RNN/MultiRNNCell/Cell1/LSTMCell"


@pytest.mark.parametrize(
    ("word", "spelling"),
    [
        ("cat", [99, 97, 116]),
        ("", []),
        ("Ā€", [0xC4, 0x80, 0xE2, 0x82, 0xAC]),
        ("\0", [0]),
        ("a\ud800b", [97, 98]),  # a lone surrogate has no bytes
        ("<S>", [256]),
        ("</S>", [257]),
        ("<s>", [60, 115, 62]),
        ("x" * 48, [120] * 48),
        ("y" * 200, [121] * 48),
        ("z" * 47 + "é", [122] * 47 + [0xC3]),  # cut between the bytes of a character
    ],
)
def test_a_word_is_spelled_in_bytes(word: str, spelling: list[int]) -> None:
    codes = np.array([258, *spelling, 259] + [260] * (48 - len(spelling)))
    np.testing.assert_array_equal(char_ids(["other", word], 50)[1], codes + 1)


def test_words_are_cut_to_what_the_options_allow() -> None:
    np.testing.assert_array_equal(char_ids(["abcd", "<S>"], 5)[0], [259, 98, 99, 100, 260])
    assert char_ids([], 50).shape == (0, 50)


def test_arrays_have_the_order_of_the_network(tmp_path: Path) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    params = read_elmo(tiny.options_path, tiny.weights_path).params
    table = params["characters"]["characters"]["embedding"]
    assert not table[0].any()
    np.testing.assert_array_equal(table[1:], tiny.weights["char_embed"])
    layer, dim = params["lstms"]["layer_1"], 5
    kernel = tiny.weights[f"{CELL}/W_0"]
    np.testing.assert_array_equal(layer["input_kernel"][1], kernel[:3])
    np.testing.assert_array_equal(layer["recurrent_kernel"][1], kernel[3:])
    forget_gate = np.repeat([0, 0, 1, 0], dim).astype(np.float32)
    np.testing.assert_array_equal(layer["bias"][1], tiny.weights[f"{CELL}/B"] + forget_gate)
    np.testing.assert_array_equal(layer["projection"][1], tiny.weights[f"{CELL}/W_P_0"])


@pytest.mark.parametrize("dtype", ["f2", "f8", ">f4"])
def test_any_floating_type_is_read(tmp_path: Path, dtype: str) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options(), dtype)
    projection = read_elmo(tiny.options_path, tiny.weights_path).params["characters"]["projection"]["kernel"]
    assert projection.dtype == np.float32
    np.testing.assert_array_equal(projection, tiny.weights["CNN_proj/W_proj"].astype(np.float32))


def test_the_digest_is_over_the_bytes_of_both_files(tmp_path: Path) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    content = tiny.options_path.read_bytes() + tiny.weights_path.read_bytes()
    expected = hashlib.sha256(content).hexdigest()
    assert read_elmo(tiny.options_path, tiny.weights_path).digest == expected
    tiny.options_path.write_text(tiny.options_path.read_text() + "\n")
    assert read_elmo(tiny.options_path, tiny.weights_path).digest != expected


def test_optional_options_may_be_missing_and_unknown_ones_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "options.json"
    absent = ["lstm.cell_clip", "lstm.proj_clip", "lstm.use_skip_connections", "char_cnn.n_characters"]
    strange = {"n_train_tokens": 768648884, "bidirectional": True}
    path.write_text(json.dumps(tiny_elmo.options(dict.fromkeys(absent, ...)) | strange))
    options = read_options(path)
    assert (options.cell_clip, options.proj_clip, options.skip_connections) == (None, None, False)
    path.write_text(json.dumps(tiny_elmo.options({"lstm.cell_clip": 0, "lstm.proj_clip": None})))
    options = read_options(path)
    assert (options.cell_clip, options.proj_clip) == (None, None)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # a byte order mark
    assert read_options(path) == options


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lstm": ...}, "found no option lstm.dim, expected an integer of at least 1"),
        ({"char_cnn.filters": ...}, r"found no option char_cnn.filters, expected a list of \[width, count\]"),
        ({"char_cnn": [1]}, "found no option char_cnn.embedding.dim"),
        ({"lstm.dim": 0}, "found lstm.dim = 0, expected an integer of at least 1"),
        ({"lstm.n_layers": True}, "lstm.n_layers = True"),
        ({"lstm.n_layers": 10**9}, "lstm.n_layers = 1000000000, expected an integer .* at most 1000"),
        ({"lstm.dim": 10**12}, "lstm.dim = 1000000000000, expected an integer .* at most 100000"),
        ({"lstm.projection_dim": "16"}, "lstm.projection_dim = '16'"),
        ({"lstm.cell_clip": -3}, "found lstm.cell_clip = -3, expected a positive number, or null or 0"),
        ({"lstm.proj_clip": float("nan")}, "lstm.proj_clip = nan"),
        ({"lstm.use_skip_connections": 1}, "lstm.use_skip_connections = 1, expected true or false"),
        ({"char_cnn.activation": "gelu"}, "found char_cnn.activation = 'gelu', expected relu or tanh"),
        ({"char_cnn.n_characters": 263}, "n_characters = 263, expected 261 or 262"),
        ({"char_cnn.n_highway": -1}, "n_highway = -1"),
        ({"char_cnn.max_characters_per_token": 2}, "max_characters_per_token = 2"),
        ({"char_cnn.filters": []}, "filters = "),
        ({"char_cnn.filters": [[1, 2, 3]]}, "filters = "),
        ({"char_cnn.filters": [[51, 2]]}, r"a filter of width 51, expected at most .* \(50\)"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "options.json"
    path.write_text(json.dumps(tiny_elmo.options(changes)))
    with pytest.raises(InputError, match=f"options.json: found .*{message.removeprefix('found ')}"):
        read_options(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"lstm": 1, "lstm": 2}', b"[" * 10**5])
def test_damaged_options_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "options.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"options\.json: found"):
        read_options(path)


def replace(name: str, value: Any) -> Callable[[h5py.File], None]:
    """Returns a change that replaces a dataset."""

    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = value

    return change


def remove(name: str) -> Callable[[h5py.File], None]:
    """Returns a change that removes a dataset or a group."""
    return lambda file: file.__delitem__(name)


def copy(source: str, target: str) -> Callable[[h5py.File], None]:
    """Returns a change that copies a dataset or a group."""
    return lambda file: file.copy(source, target)


def make_group(file: h5py.File) -> None:
    """Replaces a dataset with a group."""
    del file["char_embed"]
    file.create_group("char_embed")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("CNN/W_cnn_1"), r"no dataset CNN/W_cnn_1, expected one of shape \(1, 3, 2, 4\)"),
        (remove("RNN_1"), "no dataset RNN_1/RNN/MultiRNNCell/Cell0/LSTMCell/W_0"),
        (make_group, "no dataset char_embed"),
        (replace("RNN_0", np.zeros(3)), "no dataset RNN_0"),
        (replace("char_embed", np.zeros((262, 2))), r"char_embed of shape \(262, 2\) .* \(261, 2\)"),
        (replace(f"{CELL}/B", np.zeros(16)), r"B of shape \(16,\) and type float64, .* \(20,\), as the opt"),
        (replace(f"{CELL}/B", np.zeros(20, int)), "type int64"),
        (replace("char_embed", h5py.Empty("f4")), "char_embed of shape None"),
        (replace("CNN_proj/b_proj", [0, 1, np.nan]), "a number in CNN_proj/b_proj that is not finite"),
        (replace("CNN_proj/b_proj", [0, 1, 1e300]), "a number in CNN_proj/b_proj that is not finite"),
        (
            copy("CNN/W_cnn_1", "CNN/W_cnn_2"),
            "the dataset CNN/W_cnn_2, expected only the layers that the opt",
        ),
        (copy("CNN_high_0", "CNN_high_1"), "the dataset CNN_high_1/W_carry"),
        (copy(CELL, CELL.replace("Cell1", "Cell2")), "the dataset RNN_1/RNN/MultiRNNCell/Cell2/LSTMCell/W_0"),
    ],
)
def test_weights_that_contradict_the_options_are_refused(
    tmp_path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    with h5py.File(tiny.weights_path, "a") as file:
        change(file)
    with pytest.raises(InputError, match=f"weights.hdf5: found .*{message}"):
        read_elmo(tiny.options_path, tiny.weights_path)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_truncated_weights_are_refused(tmp_path: Path, kept: float) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    content = tiny.weights_path.read_bytes()
    tiny.weights_path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match=r"weights\.hdf5: found a damaged file"):
        read_elmo(tiny.options_path, tiny.weights_path)


@pytest.mark.parametrize("missing", ["options.json", "weights.hdf5"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    (tmp_path / missing).unlink()
    with pytest.raises(InputError, match=f"{missing}: found no such file"):
        read_elmo(tiny.options_path, tiny.weights_path)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = tiny_elmo.write(tmp_path, tiny_elmo.options())
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"pip install 'cman-jax\[elmo\]'"):
        read_elmo(tiny.options_path, tiny.weights_path)
