"""Encoders are found by the name of a package, or in a folder, whose files say what they are."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from cman_jax.encoders.load import frozen_encoder, is_package, load_encoder
from cman_jax.errors import InputError
from tests.fake_encoder import SPEC, FakeEncoder


def spec_named(*parts: object) -> FakeEncoder:
    return FakeEncoder(SPEC._replace(name=" ".join(str(getattr(part, "name", part)) for part in parts)))


@pytest.fixture
def families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encoders that do not read their files."""
    elmo, bert = ModuleType("elmo"), ModuleType("bert")
    elmo.ElmoEncoder = spec_named
    bert.BertEncoder = SimpleNamespace(load=lambda place, pooling: spec_named("bert", Path(place), pooling))
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.elmo.encoder", elmo)
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.bert.encoder", bert)


def folder_of(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.usefixtures("families")
def test_files_say_which_family_it_is(tmp_path: Path) -> None:
    assert load_encoder("minilm").spec.name == "bert minilm mean"
    assert load_encoder("mpnet:first").spec.name == "bert mpnet first"
    bert = folder_of(tmp_path / "b", {"config.json": json.dumps({"model_type": "bert"})})
    assert load_encoder(bert).spec.name == load_encoder(str(bert)).spec.name == "bert b mean"
    assert load_encoder(f"{bert}:first").spec.name == "bert b first"
    for names in (("options.json", "weights.hdf5"), ("elmo_2x4096_options.json", "elmo_2x4096_weights.hdf5")):
        elmo = folder_of(tmp_path / names[0], dict.fromkeys(names, ""))
        assert load_encoder(elmo).spec.name == " ".join(names)


def test_a_family_is_imported_alone(monkeypatch: pytest.MonkeyPatch, families: None, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "cman_jax.encoders.elmo.encoder", None)  # importing it would fail
    assert load_encoder("minilm")
    with pytest.raises(ImportError):
        load_encoder(folder_of(tmp_path / "elmo", {"options.json": "", "weights.hdf5": ""}))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "folder: found none of these files, expected a folder with config.json"),
        ({"options.json": ""}, "folder: found options.json, expected a folder with"),
        ({"a.hdf5": "", "b.hdf5": "", "options.json": ""}, "found options.json, a.hdf5, b.hdf5, expected a"),
        (
            {"config.json": "{}"},
            "config.json: found no model_type, expected the family of the checkpoint, one of bert",
        ),
        (
            {"config.json": '{"model_type": "gpt2"}'},
            "config.json: found model_type = 'gpt2', expected one of bert, roberta",
        ),
        ({"config.json": "[]"}, "config.json: found [], expected a JSON object"),
        ({"config.json": "{"}, "config.json: found bad JSON"),
    ],
)
def test_other_folders_are_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_encoder(folder_of(tmp_path / "folder", files))
    assert message in str(error.value)


def test_what_is_neither_a_name_nor_a_folder_is_refused() -> None:
    with pytest.raises(
        InputError, match="encoder: found 'minilmm', expected minilm or mpnet, or a folder with"
    ):
        load_encoder("minilmm")


def test_first_pieces_are_refused_for_an_encoder_without_pieces(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "elmo", {"options.json": "", "weights.hdf5": ""})
    with pytest.raises(
        InputError, match=r"found '.*elmo:first', expected .*elmo, because ELMo has no word p"
    ):
        load_encoder(f"{folder}:first")


@pytest.mark.usefixtures("families")
def test_a_package_that_is_not_the_encoder_of_a_run_asks_for_its_folder() -> None:
    spec = SPEC._replace(name="minilm")
    with pytest.raises(
        InputError, match=r"encoder\.json: found features by other files than .* installed minilm"
    ):
        frozen_encoder(spec, None, Path("encoder.json"))


def test_a_package_is_known_with_and_without_its_pooling() -> None:
    names = ("minilm", "minilm:first", "mpnet", "bert", "mpnet folder", "bert:first", "elmo")
    assert [is_package(name) for name in names] == [True, True, True, False, False, False, False]
