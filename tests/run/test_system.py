"""Tests of a run's JSON files, which may have passed through an editor."""

from pathlib import Path

import pytest

from cman_jax.config import Config, to_dict
from cman_jax.errors import InputError
from cman_jax.files import read_json, write_json
from cman_jax.run.system import load_config, load_encoder_spec
from cman_jax.types import EncoderSpec

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
