"""An installed model: found by name from anywhere, checked, only read; a path that exists comes first."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cman_jax.app.scoring import evaluate
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.run.installed import installed_models, is_packaged, run_folder
from cman_jax.run.package import build_wheel, check_name
from tests.builders import SENTENCES
from tests.finished_run import finished_run


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    finished_run(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(workdir, "small-model", "1.0.0", tmp_path_factory.mktemp("out"))


@pytest.fixture
def installed(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the installed package; the current folder is another, and empty."""
    site, empty = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)  # what pip does with a wheel of pure Python
    monkeypatch.syspath_prepend(str(site))
    empty.mkdir()
    monkeypatch.chdir(empty)
    return site / "small_model"


def files_in(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["small-model", "small_model", "Small-Model"])
def test_a_model_is_found_by_its_name(installed: Path, name: str) -> None:
    assert run_folder(name) == installed
    assert is_packaged(installed)


def test_it_annotates_like_the_run_and_nothing_is_written(installed: Path, workdir: Path) -> None:
    before = files_in(installed.parent)
    model = Extractor.load("small-model")
    assert model.epoch == 2
    expected = Extractor.load(workdir).annotate(SENTENCES)
    assert model.annotate(SENTENCES) == expected
    assert any(annotation.entities for annotation in expected)
    assert files_in(installed.parent) == before


def test_evaluation_prints_and_says_that_it_keeps_nothing(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_in(installed.parent)
    predictions = evaluate(run_folder("small-model"), {"test": SENTENCES})
    assert len(predictions["test"]) == len(SENTENCES)
    printed = capsys.readouterr().out
    assert "strict, micro" in printed
    assert "not kept: nothing is written into an installed model" in printed
    assert files_in(installed.parent) == before


def test_a_path_that_exists_comes_first(installed: Path) -> None:
    Path("small-model").mkdir()
    assert run_folder("small-model") == Path("small-model")
    with pytest.raises(InputError, match=r"^small-model: found no config.json"):
        Extractor.load("small-model")


def test_a_missing_run_names_the_nearest_model(installed: Path) -> None:
    assert "small_model" in installed_models()
    with pytest.raises(InputError) as error:
        run_folder("smal-model")
    expected = "the working directory of a training run, or an installed model (small-model)"
    assert str(error.value) == f"smal-model: found no config.json, expected {expected}"


def test_a_missing_run_without_models_is_the_plain_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cman_jax.run.installed.entry_points", lambda group: ())
    with pytest.raises(InputError) as error:
        run_folder("no/such")
    assert (
        str(error.value) == "no/such: found no config.json, expected the working directory of a training run"
    )


def test_a_changed_file_is_refused(installed: Path) -> None:
    vocabs = installed / "vocabs.json"
    vocabs.write_text(vocabs.read_text().replace("Peop", "Pope"))
    with pytest.raises(InputError, match=r"vocabs.json: found a file that was changed or damaged"):
        run_folder("small-model")
    vocabs.unlink()
    with pytest.raises(InputError, match=r"vocabs.json: found no such file"):
        run_folder("small-model")


def test_a_newer_version_of_an_installed_model_may_have_its_name(installed: Path) -> None:
    check_name("small-model")


def test_an_installed_model_can_be_packed_again(installed: Path, wheel: Path, tmp_path: Path) -> None:
    again = build_wheel(run_folder("small-model"), "small-model", "1.0.0", tmp_path / "out")
    assert again.read_bytes() == wheel.read_bytes()
