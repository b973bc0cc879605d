"""Tests of the lines that are printed before, during and after the epochs."""

from pathlib import Path

import pytest

from cman_jax.data.contents import Contents, SplitContents
from cman_jax.run.record import read_metrics
from cman_jax.training.loop import train, train_population
from cman_jax.training.member import Job
from cman_jax.training.progress import ConsoleProgress, epoch_line
from cman_jax.types import Entity, Sentence
from tests.builders import SENTENCES, tiny_config

NESTED = Sentence("n", ("Acme", "Oslo"), (Entity(0, 2, "Org"), Entity(1, 2, "Loc")))
LOST = "train: 1 of 7 entities and 0 of 4 relations are not trained on: they overlap longer ones"
BLANK = [sentence._replace(entities=(), relations=()) for sentence in SENTENCES]


def job(workdir: Path, dev: object = SENTENCES, seed: int = 0) -> Job:
    """Returns a small job."""
    config = tiny_config()
    config.training.num_epochs, config.training.seed = 3, seed
    return Job(config, {"train": [*SENTENCES, NESTED], "dev": dev}, workdir)


def test_what_cannot_be_learnt_is_printed_once_before_the_first_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    jobs = [job(tmp_path / str(seed), seed=seed) for seed in range(2)]
    train_population(jobs, progress=ConsoleProgress())
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("train: 5 sentences, 7 entities (")
    assert printed[2:4] == [LOST, "compiling the first programs, while training begins"]
    assert printed[4].startswith("epoch   1/3 ")
    assert sum(line == LOST for line in printed) == 1


def test_the_lines_of_runs_on_different_data_name_their_workdir(capsys: pytest.CaptureFixture) -> None:
    def contents(overlapping: int) -> Contents:
        return Contents(
            ("train",), {"train": SplitContents(1, 9, 0, {"X": 9}, {}, overlapping, 0, {}, {})}, None
        )

    ConsoleProgress().start({Path("fold_0"): contents(0), Path("fold_1"): contents(2)})
    lost = "2 of 9 entities and 0 of 0 relations are not trained on: they overlap longer ones"
    both = "train: 1 sentences, 9 entities (X 9), no relations"
    assert capsys.readouterr().out.splitlines() == [
        f"fold_0: {both}",
        f"fold_1: {both}",
        f"fold_1: train: {lost}",
    ]


def test_with_a_dev_split_without_annotation_the_last_epoch_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    train(*job(tmp_path, BLANK), progress=ConsoleProgress())
    printed = capsys.readouterr().out.splitlines()
    assert (
        "dev: none of the 4 sentences is annotated, so the last epoch is kept instead of the best" in printed
    )
    assert "(nothing to score, so the last is kept: epoch 3)" in printed[-1]
    assert [row["selection"] for row in read_metrics(tmp_path)] == [None] * 3
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"2", "3"}


def test_the_line_of_an_epoch_names_the_earliest_best_epoch() -> None:
    losses = {f"{name}_loss": 1.0 for name in ("ner", "relation", "adversarial")}
    speed = {"seconds": 60.0, "compiling_seconds": 15.0, "sentences_per_second": 5.0}
    scores = {"dev": {"ner": 50.0, "re": 25.0}, "selection": 37.5}
    line = epoch_line([[{"epoch": k, **losses, **speed, **scores} for k in (1, 2)]], 4)
    assert line == (
        "epoch   2/4  loss ner 1.00 re 1.00 adv 1.00  dev NER 50.00 RE 25.00 (best: epoch 1)  "
        "5 sentences/s, 45 s per epoch, 2 min left"
    )
