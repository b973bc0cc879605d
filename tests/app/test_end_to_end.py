"""The commands as a user runs them: train, be killed, resume, evaluate, predict."""

import importlib.util
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from cman_jax.data.corpus import load_split, write_jsonl
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.lock import training_in
from cman_jax.run.provenance import split_digest
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System
from cman_jax.types import Entity, Sentence
from experiments.faults.workplace import EPOCHS, Workplace, kill_during, run
from tests.forked import Forked


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("workplace"))


@pytest.fixture(scope="module")
def trained(workplace: Workplace) -> Path:
    """A run that nothing interrupted."""
    workdir = workplace.folder / "whole"
    done = run(workplace.training(workdir, "--report", "--tensorboard", "--profile_steps=2:3"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("dev NER") == EPOCHS
    drawn = importlib.util.find_spec("matplotlib") is not None
    *_, report, _, totals = done.stdout.splitlines()
    assert report.startswith("report of test, epoch ") if drawn else "pip install 'cman-jax[plots]'" in report
    assert totals.endswith("; 1 x cpu")
    assert all(list(workdir.glob(place)) for place in ("tensorboard/events.*", "profile/**/*.xplane.pb"))
    return workdir


def final_params(workdir: Path) -> list[np.ndarray]:
    system = System.load(workdir)
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        assert checkpoints.latest_epoch() == EPOCHS
        params = checkpoints.restore_params(EPOCHS, system.param_shapes())
        return [np.asarray(leaf) for leaf in jax.tree.leaves(params)]


def test_a_run_killed_and_stopped_at_random_points_ends_with_the_same_bits(
    workplace: Workplace, trained: Path
) -> None:
    workdir, rng = workplace.folder / "killed", np.random.default_rng()
    command = workplace.training(workdir)
    delays = rng.uniform(0, 0.4, 2)
    ends = [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 75)]
    for epochs_first, delay, (number, status) in zip((1, 3), delays, ends, strict=True):
        assert kill_during(command, workdir, number, epochs_first, delay) == status
    assert run(command).returncode == 0
    for a, b in zip(final_params(workdir), final_params(trained), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=f"ended {delays} s after epochs 1 and 3")
    rows = [read_metrics(folder) for folder in (workdir, trained)]
    assert [row["epoch"] for row in rows[0]] == list(range(1, EPOCHS + 1))
    assert [(r["ner_loss"], r["dev"]) for r in rows[0]] == [(r["ner_loss"], r["dev"]) for r in rows[1]]


def test_the_best_epoch_and_the_latest_two_are_kept(trained: Path) -> None:
    best = max(read_metrics(trained), key=lambda row: row["selection"])["epoch"]
    kept = {int(path.name) for path in (trained / "checkpoints").iterdir()}
    assert kept == {best, EPOCHS - 1, EPOCHS}


def test_training_leaves_scores_and_predictions(trained: Path) -> None:
    scores = json.loads((trained / "scores.json").read_text())
    assert set(scores) == {"dev", "test"}
    assert 0 <= scores["test"]["re"]["boundaries"]["without_other"]["macro"]["f1"] <= 100
    assert len((trained / "predictions.jsonl").read_text().splitlines()) == 8


def test_training_calibrates_on_dev_and_learns_constraints(workplace: Workplace, trained: Path) -> None:
    stored = json.loads((trained / "calibration.json").read_text())
    best = max(read_metrics(trained), key=lambda row: row["selection"])["epoch"]
    dev = load_split(workplace.data, "dev")
    assert set(stored) == {"probabilities"}
    assert (stored["probabilities"]["epoch"], stored["probabilities"]["data"]) == (best, split_digest(dev))
    assert stored["probabilities"]["ner"]["scale"] > 0
    pairs = json.loads((trained / "constraints.json").read_text())
    assert ["Peop", "Org"] in pairs["Work_For"]


def test_a_threshold_of_dev_is_stored_and_used(forked: Forked, workplace: Workplace, trained: Path) -> None:
    workdir = workplace.folder / "tuned"
    shutil.copytree(trained, workdir)
    files = (f"--workdir={workdir}", f"--data={workplace.data}")
    missing = forked(workplace.command("evaluate", *files, "--threshold=dev"))
    assert missing.returncode == 2
    assert "calibration.json: found no threshold that was tuned for epoch" in missing.stderr
    for flag in ("--tune_threshold", "--calibrate"):
        refused = forked(workplace.command("evaluate", *files, "--split=train", flag))
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
        assert "found the run's train split, which the network was trained on" in refused.stderr
    stored = json.loads((path := workdir / "calibration.json").read_text())
    stored["threshold"] = {"epoch": stored["probabilities"]["epoch"], "value": 0.001}
    path.write_text(json.dumps(stored))
    (workdir / "manifest.json").unlink()  # as the message says, because it was changed on purpose
    done = forked(workplace.command("evaluate", *files, "--threshold=dev"))
    assert done.returncode == 0, done.stderr
    assert "kept under the name test_threshold_0.001" in done.stdout


def test_train_and_dev_together_keep_the_last_epoch(workplace: Workplace) -> None:
    workdir = workplace.folder / "both"
    both = {"training.protocol": "train+dev", "training.num_epochs": 2}
    done = run(workplace.training(workdir, **both))
    assert done.returncode == 0, done.stderr
    assert json.loads((workdir / "scores.json").read_text())["test"]["epoch"] == 2
    assert not (workdir / "calibration.json").exists()  # no held-out sentences are left
    # Speed and time are of all 48 sentences, eight of them dev's.
    row = read_metrics(workdir)[-1]
    assert row["sentences_per_second"] * row["seconds"] == pytest.approx(48, rel=0.05)


def test_evaluate_repeats_the_scores_of_training_and_shows_the_errors(
    workplace: Workplace, trained: Path
) -> None:
    before, page = json.loads((trained / "scores.json").read_text()), workplace.folder / "errors.html"
    flags = (f"--workdir={trained}", f"--data={workplace.data}", "--split=dev", f"--page={page}")
    done = run(workplace.command("evaluate", *flags))
    assert done.returncode == 0, done.stderr
    assert "strict, micro, with Other" in done.stdout
    assert json.loads((trained / "scores.json").read_text()) == before
    assert "<h1><bdi>whole: dev</bdi></h1>" in page.read_text()
    (row,) = re.findall('<th scope="row">Entities</th><td class="correct">(\\d+)', page.read_text())
    assert int(row) == before["dev"]["ner"]["strict"]["with_other"]["micro"]["tp"]


def test_report_repeats_the_page_of_training_and_writes_nothing_else(
    forked: Forked, workplace: Workplace, trained: Path
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    page = (trained / "report.html").read_bytes()
    others = [path for path in trained.iterdir() if path.name != "report.html"]
    before = [path.stat().st_mtime_ns for path in others]
    (trained / "report.html").unlink()
    done = forked(workplace.cman("report", f"--workdir={trained}", f"--data={workplace.data}"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f": {trained / 'report.html'}\n")
    assert (trained / "report.html").read_bytes() == page
    assert [path.stat().st_mtime_ns for path in others] == before
    assert len(list(trained.iterdir())) == len(others) + 1


def test_other_data_and_decoding_are_kept_beside_the_run_s_own_scores(
    forked: Forked, workplace: Workplace, trained: Path
) -> None:
    own = {name: (trained / name).read_text() for name in ("scores.json", "predictions.jsonl")}
    other = workplace.folder / "other"
    write_jsonl(other / "test.jsonl", load_split(workplace.data, "train")[:5])
    flags = ("--threshold=0.001", "--anchor=any")
    for program, file in (("evaluate", "scores.json"), ("analyse", "analysis.json")):
        shutil.copy(workplace.data / "train.jsonl", other / "train.jsonl")
        done = forked(workplace.command(program, f"--workdir={trained}", f"--data={other}", *flags))
        assert done.returncode == 0, done.stderr
        digest = split_digest(load_split(other, "test"))
        name = f"test_threshold_0.001_anchor_any_data_{digest[:8]}"
        assert (
            f"kept under the name {name}, beside the run's own scores: threshold is 0.001, in the run's "
            "config 0.5; anchor is any, in the run's config last; the sentences are not those of "
            "the run's test"
        ) in done.stdout
        entry = json.loads((trained / file).read_text())[name]
        assert (entry["data"], entry["decoding"]["anchor"]) == (digest, "any")
    assert len((trained / f"predictions_{name}.jsonl").read_text().splitlines()) == 5
    assert (trained / "predictions.jsonl").read_text() == own["predictions.jsonl"]
    scores = json.loads((trained / "scores.json").read_text())
    del scores[name]
    assert scores == json.loads(own["scores.json"])
    assert scores["test"]["data"] == split_digest(load_split(workplace.data, "test"))
    assert "test" not in json.loads((trained / "analysis.json").read_text())


def test_analyse_agrees_with_the_scores_and_finds_no_difference_to_itself(
    workplace: Workplace, trained: Path
) -> None:
    flags = (f"--workdir={trained}", f"--data={workplace.data}", "--split=dev", f"--compare={trained}")
    done = run(workplace.command("analyse", *flags))
    assert done.returncode == 0, done.stderr
    scores = json.loads((trained / "scores.json").read_text())["dev"]
    found = json.loads((trained / "analysis.json").read_text())["dev"]
    for task in ("ner", "re"):
        row, micro = found["slices"]["all"]["all"][task], scores[task]["strict"]["with_other"]["micro"]
        assert {name: row[name] for name in micro} == pytest.approx(micro)
        assert (row["p"], row["other_f1"]) == (1.0, row["f1"])
    # At threshold 0 there are candidates far below the run's own.
    assert found["calibration"]["bins"][0]["count"] > 0
    plotted = importlib.util.find_spec("matplotlib") is not None
    assert plotted == (trained / "analysis_dev.png").exists()
    assert plotted or "pip install 'cman-jax[plots]'" in done.stdout


def test_the_python_door_gives_what_the_command_gives_and_is_silent(trained: Path) -> None:
    program = f"""
from cman_jax import Extractor
print(Extractor.load({str(trained)!r})("Ann Lee lives in Oslo.").triples())
"""
    done = run([sys.executable, "-c", program])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("[")


@pytest.mark.parametrize("program", ["analyse", "evaluate"])
def test_types_that_the_run_does_not_know_are_one_line(
    forked: Forked, workplace: Workplace, trained: Path, program: str
) -> None:
    strange = workplace.folder / "strange"
    for split in ("train", "test"):
        write_jsonl(strange / f"{split}.jsonl", [Sentence("1", ("Argo",), (Entity(0, 1, "Ship"),))])
    done = forked(workplace.command(program, f"--workdir={trained}", f"--data={strange}"))
    assert done.returncode == 2
    found = "error: the gold of sentence 1: found entity type 'Ship', expected one of the known types: "
    assert done.stderr.startswith(f"{found}Loc, ")
    assert done.stderr.count("\n") == 1


def test_predict_answers_every_line_with_offsets_into_it(workplace: Workplace, trained: Path) -> None:
    long = " ".join(["Ann Lee lives in Oslo"] * 60)  # beyond all buckets
    lines = ["Mayor Ann Lee said  she lives in Oslo.", "", long, "naïve “quotes” — and more"]
    done = run(workplace.command("predict", f"--workdir={trained}"), stdin="\n".join(lines) + "\n")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["text"] for record in records] == lines
    assert records[0]["tokens"][-2:] == ["Oslo", "."]
    for record in records:
        for entity in record["entities"]:
            assert record["text"][entity["start_char"] : entity["end_char"]] == entity["text"]
            assert 0 <= entity["probability"] <= 1


def test_predict_on_tokens_agrees_with_the_predictions_of_training(
    forked: Forked, workplace: Workplace, trained: Path
) -> None:
    output = workplace.folder / "out.jsonl"
    data = workplace.data / "test.jsonl"
    files = (f"--workdir={trained}", f"--input={data}", f"--output={output}")
    done = forked(workplace.command("predict", *files, "--nobio_constraints", "--constraints=none"))
    assert done.returncode == 0, done.stderr
    assert output.read_text() == (trained / "predictions.jsonl").read_text()


def test_a_damaged_checkpoint_is_one_line(forked: Forked, workplace: Workplace, trained: Path) -> None:
    damaged = workplace.folder / "damaged"
    shutil.copytree(trained, damaged)
    for epoch in (damaged / "checkpoints").iterdir():
        os.truncate(epoch / "params" / "manifest.ocdbt", 50)
    done = forked(workplace.command("predict", f"--workdir={damaged}"), stdin="Ann lives in Oslo.\n")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {damaged / 'checkpoints'}/")
    assert "params: found a damaged file" in done.stderr
    assert "; no other epoch is intact; start the same training again" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_second_training_leaves_files_alone(forked: Forked, workplace: Workplace, trained: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.iterdir() if path.is_file()}
    with training_in(trained):
        done = forked(workplace.training(trained, **{"training.num_epochs": EPOCHS + 1}))
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: {trained}: found a training that is running there (process {os.getpid()}"
    )
    assert done.stderr.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in trained.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.lstm_dim": 16}, "found a run with model.lstm_dim = 8, expected 16"),
        ({"model.num_heads": 3}, "config.model.num_heads is 3; allowed: a divisor of 2d"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    forked: Forked, workplace: Workplace, trained: Path, overrides: dict[str, object], message: str
) -> None:
    done = forked(workplace.training(trained, **overrides))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelt_setting_is_refused(forked: Forked, workplace: Workplace, trained: Path) -> None:
    done = forked(workplace.training(trained, **{"model.num_hedas": 4}))
    assert done.returncode != 0
    assert "num_hedas" in done.stderr
