"""Tests of AllenNLP's files: both ways to name sentences, and files written with other flags."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cman_jax.encoders.store.allennlp import AllenNLPFeatures
from cman_jax.errors import InputError
from tests.fake_encoder import FakeEncoder, named

h5py = pytest.importorskip("h5py")

LINES = [
    "Ada Lovelace lived",
    "and / or",
    "and",
    "see http://x.org/a now",
    "naïve café 🙂",
    "1",
    "sentence_to_index",
]


def allennlp_elmo(path: Path, lines: Sequence[str], output: str = "all", keys: str = "numbers") -> Path:
    """Writes a file as AllenNLP's command does for these lines.

    Args:
      path: the file, which is also returned.
      lines: the sentences, their tokens separated by spaces.
      output: the layers that are written: "all", "top" or "average".
      keys: the names of the datasets: "numbers", "forgotten" (numbers without an index) or "sentences".
    """
    with h5py.File(path, "w") as file:
        for number, line in enumerate(lines):
            features = FakeEncoder().vectors(line.split()) + np.float32(number / 8)
            value = {"all": features, "top": features[-1], "average": features.mean(0)}[output]
            file.create_dataset(line if keys == "sentences" else str(number), data=value, dtype="float32")
        if keys == "numbers":
            index = file.create_dataset("sentence_to_index", (1,), dtype=h5py.special_dtype(vlen=str))
            index[0] = json.dumps({line: str(number) for number, line in enumerate(lines)})
    return path


@pytest.mark.parametrize("keys", ["numbers", "sentences"])
def test_features_are_found_by_tokens(keys: str, tmp_path: Path) -> None:
    lines = (
        LINES if keys == "numbers" else [line for line in LINES if line not in ("and", "sentence_to_index")]
    )
    store = AllenNLPFeatures(allennlp_elmo(tmp_path / "f.hdf5", lines, keys=keys))
    assert (store.spec.num_layers, store.spec.width) == (2, 3)
    store.check(named(*map(str.split, lines)))
    for number, line in enumerate(lines):
        expected = FakeEncoder().vectors(line.split()) + np.float32(number / 8)
        np.testing.assert_array_equal(store.features(line.split()), expected.astype(np.float16))
    assert store.features([]).shape == (2, 0, 3)
    assert [] in store


@pytest.mark.parametrize("keys", ["numbers", "sentences"])
@pytest.mark.parametrize(
    "tokens", [["and"], ["Ada", "Lovelace"], ["Ada Lovelace", "lived"], ["see\0"], ["\ud800"], ["."]]
)
def test_absent_sentences_are_refused(keys: str, tokens: list[str], tmp_path: Path) -> None:
    lines = ["Ada Lovelace lived", "and / or", "and/or", "see"]
    store = AllenNLPFeatures(allennlp_elmo(tmp_path / "f.hdf5", lines, keys=keys))
    with pytest.raises(
        InputError, match=r"no features for .* expected features of every sentence .run AllenNLP on all"
    ):
        store.features(tokens)
    with pytest.raises(InputError, match=r"no features for 1 of 2 sentences \(the first is s1: "):
        store.check(named(["and", "/", "or"], tokens))


def test_of_equal_lines_the_last_one_counts(tmp_path: Path) -> None:
    store = AllenNLPFeatures(allennlp_elmo(tmp_path / "f.hdf5", ["a b", "c", "a b"]))
    expected = FakeEncoder().vectors(["a", "b"]) + np.float32(2 / 8)
    np.testing.assert_array_equal(store.features(["a", "b"]), expected.astype(np.float16))


def test_lines_with_the_same_tokens_are_refused(tmp_path: Path) -> None:
    path = allennlp_elmo(tmp_path / "f.hdf5", ["a b", "a  b"])
    with pytest.raises(InputError, match="'a  b' twice, with other spaces"):
        AllenNLPFeatures(path)


def test_the_spec_is_that_of_the_file(tmp_path: Path) -> None:
    first, second = (allennlp_elmo(tmp_path / name, ["a b"]) for name in ("f.hdf5", "g.hdf5"))
    assert AllenNLPFeatures(first).spec == AllenNLPFeatures(second).spec
    other = allennlp_elmo(tmp_path / "h.hdf5", ["a c"])
    assert AllenNLPFeatures(first).spec != AllenNLPFeatures(other).spec


@pytest.mark.parametrize(
    ("keys", "output", "found"),
    [
        ("forgotten", "all", "numbered sentences without 'sentence_to_index'"),
        ("numbers", "top", r"a dataset of shape \(2, 3\)"),
        ("sentences", "average", r"a dataset of shape \(2, 3\)"),
    ],
)
def test_files_written_with_other_flags_are_refused(
    keys: str, output: str, found: str, tmp_path: Path
) -> None:
    path = allennlp_elmo(tmp_path / "f.hdf5", ["a b", "c d"], output, keys)
    with pytest.raises(InputError, match=found):
        AllenNLPFeatures(path)


@pytest.mark.parametrize("keys", ["numbers", "sentences"])
@pytest.mark.parametrize(
    ("value", "found"),
    [
        (np.zeros((2, 2, 3), np.float32), r"float32 \(2, 2, 3\) for 'a b c', expected float32 \(2, 3, 3\)"),
        (np.zeros((3, 3, 3), np.float32), r"float32 \(3, 3, 3\)"),
        (np.zeros((2, 3, 3), np.int32), "int32"),
        (np.full((2, 3, 3), 7e4, np.float32), "70000.0 in layer 0 of token 0 of 'a b c', expected .* 65504"),
    ],
)
def test_a_dataset_that_does_not_fit_its_sentence_is_refused(
    keys: str, value: np.ndarray, found: str, tmp_path: Path
) -> None:
    path = allennlp_elmo(tmp_path / "f.hdf5", ["A", "a b c"], keys=keys)
    with h5py.File(path, "r+") as file:
        name = "1" if keys == "numbers" else "a b c"
        del file[name]
        file[name] = value
    with pytest.raises(InputError, match=found):
        AllenNLPFeatures(path).features(["a", "b", "c"])


def with_index(path: Path, value: object) -> None:
    """Replaces the index of a file."""
    with h5py.File(path, "r+") as file:
        del file["sentence_to_index"]
        file["sentence_to_index"] = value


@pytest.mark.parametrize(
    "value", ["{", [b"{"], [b"[]"], [b'{"a": "0", "a": "1"}'], 7, [7.0], [b"\xff"], [b'{"a": 0}']]
)
def test_a_damaged_index_is_refused(value: object, tmp_path: Path) -> None:
    path = allennlp_elmo(tmp_path / "f.hdf5", ["a"])
    with_index(path, value)
    with pytest.raises(InputError, match=r"f\.hdf5: found"):
        AllenNLPFeatures(path)


def use(path: Path) -> str:
    """Reads everything in a file; returns "read" or "refused"."""
    try:
        store = AllenNLPFeatures(path)
        store.check(named(["a", "b"], ["c"]))
        assert store.features(["a", "b"]).shape == (2, 2, 3)
    except InputError:
        return "refused"
    return "read"


def test_a_damaged_file_is_read_or_refused_with_an_input_error(tmp_path: Path) -> None:
    path = allennlp_elmo(tmp_path / "f.hdf5", ["a b", "c"])
    original = path.read_bytes()
    assert use(path) == "read"
    outcomes = set()
    for position in range(0, len(original), 61):
        path.unlink()  # otherwise HDF5 takes it for the file that it has open
        path.write_bytes(original[:position])
        assert use(path) == "refused"
        path.unlink()
        path.write_bytes(original[:position] + b"\xff" + original[position + 1 :])
        outcomes.add(use(path))
    assert outcomes == {"read", "refused"}


def test_a_missing_file_and_a_missing_package_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no such file"):
        AllenNLPFeatures(tmp_path / "absent.hdf5")
    path = allennlp_elmo(tmp_path / "f.hdf5", ["a b"])
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"pip install 'cman-jax\[elmo\]'"):
        AllenNLPFeatures(path)
