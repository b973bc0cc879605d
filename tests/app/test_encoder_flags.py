"""Contextual features through the commands: encoded first, kept, asked for again at prediction."""

import json
import shutil
from pathlib import Path

import pytest
from absl.testing import flagsaver

from cman_jax.app.encoder_flags import encoder_for_prediction, encoder_for_training
from cman_jax.config import Config, EncoderConfig, to_dict
from cman_jax.errors import InputError
from cman_jax.files import write_json
from experiments.faults import tiny_elmo
from experiments.faults.workplace import Workplace, run
from tests.forked import Forked

pytest.importorskip("h5py")

# Nothing between input and scores that takes long to compile.
PLAIN = {
    "model.sequence_layer": "mlp",
    "model.self_attention": False,
    "model.label_attention": False,
    "training.alpha": 0.0,
    "training.num_epochs": 2,
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("workplace"))


@pytest.fixture(scope="module")
def elmo(workplace: Workplace) -> str:
    """The flag that names the encoder's folder."""
    folder = workplace.folder / "elmo"
    folder.mkdir()
    tiny_elmo.write(folder, tiny_elmo.options())
    return f"--encoder={folder}"


@pytest.fixture(scope="module")
def trained(workplace: Workplace, elmo: str) -> Path:
    workdir = workplace.folder / "run"
    done = run(workplace.training(workdir, elmo, **PLAIN))
    assert done.returncode == 0, done.stderr
    assert "56 sentences, 56 different: 0 there already, 56 encoded" in done.stdout
    return workdir


def test_the_run_writes_down_which_encoder_it_needs(trained: Path) -> None:
    spec = json.loads((trained / "encoder.json").read_text())
    assert (spec["name"], spec["num_layers"], spec["width"]) == ("elmo", 3, 6)


def test_prediction_runs_the_encoder_and_agrees_with_training(
    forked: Forked, workplace: Workplace, elmo: str, trained: Path
) -> None:
    test = f"--input={workplace.data / 'test.jsonl'}"
    as_configured = ("--nobio_constraints", "--constraints=none")
    done = forked(workplace.command("predict", f"--workdir={trained}", test, elmo, *as_configured))
    assert done.returncode == 0, done.stderr
    assert done.stdout == (trained / "predictions.jsonl").read_text()


def test_features_that_are_there_do_instead_of_the_encoder(
    forked: Forked, workplace: Workplace, trained: Path
) -> None:
    before = (trained / "scores.json").read_text()
    features = f"--features={trained / 'features'}"
    evaluate = workplace.command("evaluate", f"--workdir={trained}", f"--data={workplace.data}", features)
    assert forked(evaluate).returncode == 0
    assert (trained / "scores.json").read_text() == before
    done = forked(workplace.training(workplace.folder / "cached", features, **PLAIN))
    assert done.returncode == 0, done.stderr
    assert (workplace.folder / "cached" / "scores.json").read_text() == before


def test_a_missing_or_another_encoder_is_said_on_one_line(
    forked: Forked, workplace: Workplace, trained: Path, tmp_path: Path
) -> None:
    predict = workplace.command("predict", f"--workdir={trained}")
    done = forked(predict, stdin="Ann lives in Oslo.\n")
    assert done.returncode == 2
    assert done.stderr == (
        "error: flags: found a run that reads features of elmo, expected its folder as --encoder=FOLDER\n"
    )
    tiny_elmo.write(tmp_path, tiny_elmo.options({"lstm.dim": 6}))
    done = forked([*predict, f"--encoder={tmp_path}"], stdin="Ann lives in Oslo.\n")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {trained / 'encoder.json'}: found features by an encoder of")


def test_damaged_features_are_refused(workplace: Workplace, trained: Path) -> None:
    features = shutil.copytree(trained / "features", workplace.folder / "damaged")
    values = features / "features.f16"
    content = bytearray(values.read_bytes())
    content[len(content) // 2] ^= 1
    values.write_bytes(content)
    with (
        flagsaver.as_parsed(features=str(features), encoder=""),
        pytest.raises(InputError, match=r"features.f16: found bytes 0 to .* with another checksum"),
    ):
        encoder_for_training((), trained, EncoderConfig())


def test_a_run_is_not_continued_with_other_features(
    forked: Forked, workplace: Workplace, trained: Path
) -> None:
    done = forked(workplace.training(trained, **PLAIN))
    assert done.returncode == 2
    assert "data.json: found a run on other features" in done.stderr


def test_a_projection_of_features_that_are_not_there_is_refused(forked: Forked, workplace: Workplace) -> None:
    done = forked(workplace.training(workplace.folder / "projected", **{**PLAIN, "model.feature_dim": 4}))
    assert done.returncode == 2
    assert "config.model.feature_dim is 4; allowed: 0 without contextual features" in done.stderr


def test_trained_layers_need_an_encoder_and_no_stored_features(tmp_path: Path, elmo: str) -> None:
    layers = EncoderConfig(trained_layers="all")
    for flags, message in (
        ({"features": "there"}, "expected no stored features, because layers of the encoder"),
        ({"encoder": ""}, "found trained_layers all without --encoder, expected the --encoder"),
        ({"encoder": elmo.removeprefix("--encoder=")}, "of BERT's family, whose layers can be"),
    ):
        with flagsaver.as_parsed(**flags), pytest.raises(InputError, match=message):
            encoder_for_training((), tmp_path, layers)


def test_a_run_with_trained_layers_takes_no_encoder(tmp_path: Path, elmo: str) -> None:
    write_json(tmp_path / "config.json", to_dict(Config(encoder=EncoderConfig(trained_layers="1"))))
    assert encoder_for_prediction(tmp_path) is None
    with (
        flagsaver.as_parsed(encoder=elmo.removeprefix("--encoder=")),
        pytest.raises(InputError, match="expected none of them, because the run keeps its own encoder"),
    ):
        encoder_for_prediction(tmp_path)
