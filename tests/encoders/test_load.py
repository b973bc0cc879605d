"""Encoders are found by their names and files."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from cman_jax.encoders.load import load_encoder
from cman_jax.errors import InputError
from tests.fake_encoder import SPEC, FakeEncoder


def test_an_encoder_is_imported_by_name_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    elmo, minilm = ModuleType("elmo"), ModuleType("minilm")
    elmo.ElmoEncoder = lambda options, weights: FakeEncoder(SPEC._replace(name=f"{options} {weights}"))
    minilm.MiniLMEncoder = SimpleNamespace(load=lambda d: FakeEncoder(SPEC._replace(name=f"{d}")))
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.elmo.encoder", elmo)
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.bert.encoder", None)  # importing it would fail
    assert load_encoder("elmo", options="o", weights="w").spec.name == "o w"
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.bert.encoder", minilm)
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.elmo.encoder", None)
    assert load_encoder("minilm").spec.name == "None"
    assert load_encoder("minilm", directory="d").spec.name == "d"


@pytest.mark.parametrize(
    ("name", "files", "message"),
    [
        ("bert", {}, "encoder: found 'bert', expected 'elmo' or 'minilm'"),
        ("elmo", {}, "files of encoder elmo: found none, expected options and weights"),
        ("elmo", {"weights": "w"}, "found weights, expected options and weights"),
        (
            "minilm",
            {"options": "o", "directory": "d"},
            "found options and directory, expected a directory .--minilm_dir. or nothing",
        ),
    ],
)
def test_wrong_names_and_files_are_refused(name: str, files: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_encoder(name, **files)
