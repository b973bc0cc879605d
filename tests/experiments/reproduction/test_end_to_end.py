"""Tests of a whole reproduction with networks that compile in seconds, and of its command."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cman_jax.config import Config
from cman_jax.data.corpus import load_split, write_jsonl
from cman_jax.errors import InputError
from cman_jax.files import write_json
from experiments.faults import tiny_minilm
from experiments.reproduction import runs as runs_module
from experiments.reproduction.corpora import SIZES, write_quick
from experiments.reproduction.report import write_down
from experiments.reproduction.rows import rows_for
from experiments.reproduction.runs import Run, Setup, runs_of
from experiments.reproduction.training import GOLD_LABELS, train_missing
from tests.builders import quick_compilation
from tests.experiments.reproduction.places import row_named
from tests.forked import Forked


def make_tiny(config: Config) -> None:
    """Makes the network tiny, without recurrence and without adversarial training.

    The low threshold lets an untrained network predict relations.
    """
    model, training = config.model, config.training
    model.char_dim = model.char_lstm_dim = model.word_dim = model.lstm_dim = model.scorer_dim = 8
    model.num_bsa, model.sequence_layer, model.self_attention = 1, "mlp", False
    config.data.bucket_lengths, config.data.char_lengths, config.data.char_shares = (64,), (16,), (1.0,)
    training.alpha, training.num_epochs, training.batch_size = 0.0, 2, 16
    config.decoding.threshold = 0.001


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Setup, Run]]:
    """Trains CMAN, writes the report with Table 3, and returns the setup and the run."""
    folder = tmp_path_factory.mktemp("reproduction")
    with pytest.MonkeyPatch.context() as patch, quick_compilation():
        patch.setattr(runs_module, "_make_quick", make_tiny)
        setup = Setup(folder, "quick", 1, write_quick(None, None, folder / "data"))
        (run,) = runs_of(row_named("cman"), setup)
        train_missing([run], None, None)
        write_down(["table3"], setup, None)
        yield setup, run


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_table_contains_the_scores_of_the_run(done: tuple[Setup, Run]) -> None:
    setup, run = done
    scores = read(run.workdir / "scores.json")
    rows = read(setup.workdir / "quick" / "reproduction.json")["table3"]["rows"]
    ours = {row["label"]: row["ours"] for row in rows if "ours" in row}
    for label, entry in (("Predicted label", "test"), ("Golden label", GOLD_LABELS)):
        for task in ("ner", "re"):
            f1 = scores[entry][task]["strict"]["with_other"]["micro"]["f1"]
            assert ours[label][task] == {"mean": f1, "std": None, "values": [f1]}
    assert scores[GOLD_LABELS]["ner"] == scores["test"]["ner"]
    answers = [(run.workdir / f"predictions{name}.jsonl").read_text() for name in ("", f"_{GOLD_LABELS}")]
    assert answers[0] != answers[1]  # at least the probabilities differ
    text = (setup.workdir / "quick" / "reproduction.md").read_text()
    assert "# cman_features\n" in text
    assert "# cman\n" not in text


def test_a_finished_run_is_not_trained_again_and_other_data_are_refused(
    done: tuple[Setup, Run], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    _, run = done
    metrics = run.workdir / "metrics.jsonl"
    before = metrics.stat().st_mtime_ns
    train_missing([run], None, None)
    assert capsys.readouterr().out == "1 of 1 runs are finished\n"
    assert metrics.stat().st_mtime_ns == before
    for split in SIZES:
        write_jsonl(tmp_path / f"{split}.jsonl", load_split(run.data, split)[1:])
    with pytest.raises(InputError, match=r"data.json: found a run on other train"):
        train_missing([run._replace(data=tmp_path)], None, None)


def test_layers_of_an_encoder_are_trained_and_read_gold_labels_too(tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="needs the extra encoders")
    pytest.importorskip("tokenizers", reason="needs the extra encoders")
    encoder = tiny_minilm.write(tmp_path / "encoder")
    with pytest.MonkeyPatch.context() as patch, quick_compilation():
        patch.setattr(runs_module, "_make_quick", make_tiny)
        setup = Setup(tmp_path, "quick", 1, write_quick(None, None, tmp_path / "data"))
        (run,) = runs_of(row_named("cman_layers"), setup)
        with pytest.raises(InputError, match="found cman_layers without --encoder"):
            train_missing([run], None, None)
        train_missing([run], None, None, str(encoder))
        write_down(["table3"], setup, None)
    rows = read(setup.workdir / "quick" / "reproduction.json")["table3"]["rows"]
    ours = [row["label"] for row in rows if row["row"] == "cman_layers" and "ours" in row]
    assert ours == ["Predicted label", "Golden label"]


def test_scores_on_other_sentences_are_refused(done: tuple[Setup, Run], tmp_path: Path) -> None:
    _, run = done
    for split in SIZES:
        write_jsonl(tmp_path / f"{split}.jsonl", load_split(run.data, split)[split == "test" :])
    with pytest.raises(
        InputError, match=r"data.json: found a run on other test, expected the same test as before"
    ):
        train_missing([run._replace(data=tmp_path)], None, None)
    older = {"epoch": 1, "sentences": 1}
    data = read(run.workdir / "data.json")
    scores = read(run.workdir / "scores.json")
    scores["test"] = older | {"epoch": scores["test"]["epoch"]}
    del data["test"]
    copy = shutil.copytree(run.workdir, tmp_path / "copy")
    write_json(copy / "scores.json", scores)
    write_json(copy / "data.json", data)
    (copy / "manifest.json").unlink()
    with pytest.raises(
        InputError, match=r"scores.json: found an entry test of 1 sentences, expected the 32 of"
    ):
        train_missing([run._replace(workdir=copy)], None, None)


def test_the_command_without_training_lists_the_commands_of_missing_runs(
    forked: Forked, tmp_path: Path
) -> None:
    done = reproduce(forked, "--what=table4", "--budget=short", "--notrain", f"--workdir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'short' / 'reproduction'}.md, .json\n"
    table = read(tmp_path / "short" / "reproduction.json")["table4"]
    assert len(table["missing"]) == 3 * len(rows_for(["table4"], False))
    assert not any("ours" in row for row in table["rows"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--what=table3", "--rows=mlp", "--budget=quick"),
            "flags: found rows = mlp, expected one or more of cman\n",
        ),
        (("--what=table3", "--data=no/where"), "no/where: found no such directory, expected a corpus"),
    ],
)
def test_an_invalid_flag_is_a_message_of_one_line(
    forked: Forked, tmp_path: Path, flags: tuple[str, ...], message: str
) -> None:
    done = reproduce(forked, *flags, f"--workdir={tmp_path}")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"error: {message}" in done.stderr


def reproduce(forked: Forked, *flags: str) -> subprocess.CompletedProcess:
    return forked(["-m", "experiments.reproduce", "--compilation_cache=", *flags])
