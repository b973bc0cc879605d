"""The baseline through the commands: trained on contextual features, continued, asked to predict."""

from pathlib import Path

import pytest

from cman_jax.training.run import read_metrics
from tests import tiny_elmo
from tests.workplace import Workplace, run

pytest.importorskip("h5py")


def test_the_baseline_trains_goes_on_and_predicts_what_it_predicted(tmp_path: Path) -> None:
    workplace, workdir = Workplace(tmp_path), tmp_path / "run"
    files = tiny_elmo.write(tmp_path, tiny_elmo.options())
    elmo = [f"--elmo_options={files.options_path}", f"--elmo_weights={files.weights_path}"]
    for num_epochs in (1, 2):
        settings = {"model.label_dim": 8, "model.num_bsa": 1, "training.num_epochs": num_epochs}
        flags = ("--encoder=elmo", *elmo)
        done = run(workplace.training(workdir, *flags, config="multihead_conll04", **settings))
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("dev NER") == 1  # of the new epoch alone
    first, second = read_metrics(workdir)
    assert 0 < second["ner_loss"] + second["relation_loss"] < first["ner_loss"] + first["relation_loss"]
    assert second["adversarial_loss"] > 0
    test = f"--input={workplace.data / 'test.jsonl'}"
    done = run(workplace.command("predict", f"--workdir={workdir}", test, *elmo))
    assert done.returncode == 0, done.stderr
    assert done.stdout == (workdir / "predictions.jsonl").read_text()
