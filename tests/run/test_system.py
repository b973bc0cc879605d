"""Tests of a run's JSON files, which may have passed through an editor."""

from pathlib import Path

import pytest

from cman_jax.config import Config, DecodingConfig, to_dict
from cman_jax.errors import InputError
from cman_jax.files import read_json, write_json
from cman_jax.run.system import check_thresholds, load_config, load_encoder_spec
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


@pytest.mark.parametrize("content", [b"\xff", b"{", b"[]", BOM])
def test_damaged_json_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scores.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"scores\.json: found"):
        read_json(path)


def test_thresholds_are_one_for_each_relation_type_or_none() -> None:
    vocabs = vocabs_of(SENTENCES)
    types = vocabs.relation_types
    for thresholds in ((), (0.5,) * len(types)):
        check_thresholds(DecodingConfig(relation_thresholds=thresholds), vocabs)
    with pytest.raises(
        InputError, match=f"found 9 numbers, expected one for each of {', '.join(types)}, or none"
    ):
        check_thresholds(DecodingConfig(relation_thresholds=(0.5,) * 9), vocabs)
