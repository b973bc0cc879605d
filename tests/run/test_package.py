"""A wheel of a run: what it holds, that its bytes repeat, and what is refused."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.files import read_json, write_json
from cman_jax.run.package import build_wheel, check_name
from cman_jax.types import EncoderSpec
from cman_jax.version import __version__
from tests.finished_run import finished_run


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "small"
    finished_run(folder)
    scores = read_json(folder / "scores.json")
    write_json(folder / "scores.json", {**scores, "dev": {**scores["test"], "epoch": 1}})  # chosen before
    return folder


@pytest.fixture(scope="module")
def wheel(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(workdir, "small-model", "1.2", tmp_path_factory.mktemp("out"))


def test_the_wheel_holds_the_chosen_epoch_and_no_state_of_the_optimizer(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == "small_model-1.2-py3-none-any.whl"
    held = {name.removeprefix("small_model/") for name in names if name.startswith("small_model/")}
    files = {"__init__.py", "config.json", "vocabs.json", "metrics.jsonl", "scores.json", "package.json"}
    files |= {"constraints.json", "calibration.json"}
    assert {name for name in held if "/" not in name} == files
    parts = {tuple(name.split("/")[:3]) for name in held if name.startswith("checkpoints/")}
    assert {epoch for _, epoch, _ in parts} == {"2"}
    assert {part for *_, part in parts} == {"_CHECKPOINT_METADATA", "params", "metrics", "digests"}


def test_the_wheel_says_what_the_network_extracts_needs_and_scores(wheel: Path) -> None:
    metadata = zipfile.ZipFile(wheel).read("small_model-1.2.dist-info/METADATA").decode()
    assert "Name: small-model\nVersion: 1.2\n" in metadata
    assert f"Requires-Dist: cman-jax[text]>={__version__}\n" in metadata
    assert "entities (Loc, Org, Peop) and relations (Live_In, OrgBased_In, Work_For)" in metadata
    assert "| test | 12.25 | 12.25 |" in metadata
    assert "| dev |" not in metadata
    entries = zipfile.ZipFile(wheel).read("small_model-1.2.dist-info/entry_points.txt").decode()
    assert entries == "[cman_jax.models]\nsmall-model = small_model\n"


def test_no_file_names_the_folder_of_the_training(wheel: Path, workdir: Path) -> None:
    packed = zipfile.ZipFile(wheel)
    assert not [name for name in packed.namelist() if str(workdir.parent).encode() in packed.read(name)]


def test_the_same_run_gives_the_same_bytes(wheel: Path, workdir: Path, tmp_path: Path) -> None:
    shutil.copytree(workdir, tmp_path / "moved")
    again = build_wheel(tmp_path / "moved", "small-model", "1.2", tmp_path / "out")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_package_asks_for_the_extra_of_its_encoder(tmp_path: Path) -> None:
    finished_run(tmp_path / "run", encoder=EncoderSpec("minilm", 2, 4, "0" * 64, 1))
    wheel = build_wheel(tmp_path / "run", "with-encoder", "1", tmp_path / "out")
    packed = zipfile.ZipFile(wheel)
    metadata = packed.read("with_encoder-1.dist-info/METADATA").decode()
    assert f"Requires-Dist: cman-jax[encoders,text]>={__version__}\n" in metadata
    assert "with_encoder/encoder.json" in packed.namelist()


@pytest.mark.parametrize(
    "name", ["", "Model", "1model", "my model", "my--model", "import", "json", "numpy", "cman-jax", "a/b"]
)
def test_names_that_no_package_may_have_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^name: found "):
        check_name(name)


def test_a_wheel_that_exists_is_kept(wheel: Path, workdir: Path) -> None:
    before = wheel.read_bytes()
    with pytest.raises(InputError, match="a wheel that exists already"):
        build_wheel(workdir, "small-model", "1.2", wheel.parent)
    assert wheel.read_bytes() == before


def test_a_version_that_is_none_is_refused(workdir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^version: found 'first', expected numbers"):
        build_wheel(workdir, "small-model", "first", tmp_path)


def edit_config(run: Path, before: str, after: str) -> None:
    """Changes a setting on purpose, as the error for a changed file says."""
    (run / "config.json").write_text((run / "config.json").read_text().replace(before, after))
    (run / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "no config.json"),
        (lambda run: (run / "vocabs.json").write_text("{"), "vocabs.json: found a file that was changed"),
        (lambda run: shutil.rmtree(run / "checkpoints"), "checkpoints: found no such directory"),
        (
            lambda run: (run / "checkpoints/2/params/manifest.ocdbt").unlink(),
            "no whole checkpoint of epoch 2",
        ),
        (lambda run: (run / "constraints.json").write_text("{}"), "constraints.json: found a file that was"),
        (lambda run: (run / "metrics.jsonl").unlink(), "metrics.jsonl: found no such file"),
        (
            lambda run: edit_config(run, '"constraints": "none"', '"constraints": "mine.json"'),
            "found constraints in the file mine.json, expected none or learned ones",
        ),
    ],
)
def test_a_damaged_run_is_not_packed(
    damage: Callable[[Path], None], message: str, workdir: Path, tmp_path: Path
) -> None:
    shutil.copytree(workdir, tmp_path / "run")
    damage(tmp_path / "run")
    with pytest.raises(InputError, match=message):
        build_wheel(tmp_path / "run", "small-model", "1.2", tmp_path / "out")
    assert not (tmp_path / "out").exists()
