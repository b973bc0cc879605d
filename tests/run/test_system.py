"""Tests of a run's JSON files, which may have passed through an editor."""

from pathlib import Path

import numpy as np
import pytest

from cman_jax.config import Config, DecodingConfig, to_dict
from cman_jax.data.vocab import Vocabs
from cman_jax.errors import InputError
from cman_jax.files import read_json, write_json
from cman_jax.run.system import System, check_thresholds, load_config, load_encoder_spec
from cman_jax.types import EncoderSpec
from tests.builders import SENTENCES, vocabs_of

BOM = b"\xef\xbb\xbf"


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    config = Config()
    config.training.seed = 7
    spec = EncoderSpec("elmo", 3, 8, "digest", 1)
    write_json(tmp_path / "config.json", to_dict(config))
    write_json(tmp_path / "encoder.json", spec._asdict())
    for path in tmp_path.glob("*.json"):
        path.write_bytes(BOM + path.read_bytes())
    assert load_config(tmp_path) == config
    assert load_encoder_spec(tmp_path) == spec
    assert read_json(tmp_path / "encoder.json") == spec._asdict()


@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", BOM, b"[" * 100_000])
def test_damaged_json_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scores.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"scores\.json: found"):
        read_json(path)


@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", b'{"model": {"char_dim": ' + b"[" * 100_000])
def test_a_damaged_config_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json: found"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"width": 0}, "width = 0, expected an integer of at least 1"),
        ({"width": True}, "width = True"),
        ({"name": 5}, "name = 5, expected a string"),
        ({"more": 1}, "the unknown key 'more'"),
    ],
)
def test_a_damaged_description_of_an_encoder_is_refused(
    change: dict[str, object], found: str, tmp_path: Path
) -> None:
    spec = EncoderSpec("elmo", 3, 8, "digest", 1)
    write_json(tmp_path / "encoder.json", spec._asdict() | change)
    with pytest.raises(InputError, match=rf"encoder\.json: found .*{found}"):
        load_encoder_spec(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "checkpoints"])
def test_a_run_with_a_link_out_of_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    workdir, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    elsewhere.mkdir()
    workdir.mkdir()
    write_json((elsewhere if name == "config.json" else workdir) / "config.json", to_dict(Config()))
    (workdir / name).symlink_to(elsewhere / name if name == "config.json" else elsewhere)
    with pytest.raises(InputError, match=rf"run/{name}: found a link that leads out of its folder"):
        load_config(workdir)


@pytest.mark.parametrize(
    ("vectors", "found"),
    [
        (np.zeros((2, 3), np.float32), r"float32 of shape \(2, 3\)"),
        (np.zeros((3, 3), np.float64), r"float64 of shape \(3, 3\)"),
        (np.full((3, 3), np.nan, np.float32), "a number that is not finite"),
        (np.array([None]), "values of the type 'object', which are not numbers"),
    ],
)
def test_word_vectors_that_do_not_fit_the_words_are_refused(
    vectors: np.ndarray, found: str, tmp_path: Path
) -> None:
    vocabs = Vocabs(("a", "b"), ("a",), ("X",), ("of",), False, True)
    System.build(Config(), vocabs, np.zeros((3, 3), np.float32)).save(tmp_path)
    assert System.load(tmp_path).constants["word"]["vectors"].shape == (3, 3)
    (tmp_path / "manifest.json").unlink()  # as a stranger may send a run
    np.save(tmp_path / "word_vectors.npy", vectors, allow_pickle=True)
    with pytest.raises(InputError, match=rf"word_vectors\.npy: found .*{found}"):
        System.load(tmp_path)


def test_thresholds_are_one_for_each_relation_type_or_none() -> None:
    vocabs = vocabs_of(SENTENCES)
    types = vocabs.relation_types
    for thresholds in ((), (0.5,) * len(types)):
        check_thresholds(DecodingConfig(relation_thresholds=thresholds), vocabs)
    with pytest.raises(
        InputError, match=f"found 9 numbers, expected one for each of {', '.join(types)}, or none"
    ):
        check_thresholds(DecodingConfig(relation_thresholds=(0.5,) * 9), vocabs)
