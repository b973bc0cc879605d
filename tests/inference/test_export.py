"""What an export writes, and what it refuses to write over."""

import json
from pathlib import Path

import numpy as np
import pytest

from cman_jax.config_checks import from_dict
from cman_jax.errors import InputError
from cman_jax.inference import export
from cman_jax.inference.export import export_network
from cman_jax.inference.extractor import Extractor
from tests.finished_run import finished_run


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> Extractor:
    workdir = tmp_path_factory.mktemp("runs") / "small"
    finished_run(workdir)
    return Extractor.load(workdir)


def test_the_folder_holds_the_chosen_epoch_and_describes_itself(extractor: Extractor, tmp_path: Path) -> None:
    export_network(extractor, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"predict.stablehlo", "arrays.npz", "vocabs.json", "model.json"}
    about = json.loads((tmp_path / "out" / "model.json").read_text())
    assert (about["epoch"], about["encoder"], set(about["files"])) == (2, None, names - {"model.json"})
    assert from_dict(about["config"]) == extractor.system.config
    with np.load(tmp_path / "out" / "arrays.npz") as file:
        stored = dict(file)
    np.testing.assert_array_equal(stored["params/relation/bias"], extractor.params["relation"]["bias"])


def test_two_exports_have_the_same_arrays_byte_by_byte(extractor: Extractor, tmp_path: Path) -> None:
    for name in ("first", "second"):
        export_network(extractor, tmp_path / name)
    first, second = ((tmp_path / name / "arrays.npz").read_bytes() for name in ("first", "second"))
    assert first == second


def test_a_folder_with_files_is_kept(extractor: Extractor, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="found results that exist already, expected a new folder"):
        export_network(extractor, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_another_export_that_is_earlier_is_kept_whole(
    extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def another(*arguments: object) -> object:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "arrays.npz").write_text("another")
        return program(*arguments)

    program = export._program
    monkeypatch.setattr(export, "_program", another)
    with pytest.raises(InputError, match="found a folder with files, or a file, expected a name for a new"):
        export_network(extractor, tmp_path / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "arrays.npz"]
    assert (tmp_path / "out" / "arrays.npz").read_text() == "another"


def test_kernels_of_a_gpu_are_not_exported(
    extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with pytest.raises(InputError, match=r"^the device: found gpu, expected cpu"):
        export_network(extractor, tmp_path / "out")
    assert not (tmp_path / "out").exists()
