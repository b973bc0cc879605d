"""CMAN beside the baseline: seeds pooled by sentence, the paper's bins, and pictures of them."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cman_jax.config import ScoringConfig
from cman_jax.data.corpus import write_jsonl
from cman_jax.evaluation.analysis.summary import judge
from cman_jax.evaluation.metrics import score
from cman_jax.files import read_json
from cman_jax.types import Annotation
from experiments.reproduction import comparison
from experiments.reproduction.comparison import compare_systems
from experiments.reproduction.figures import make_figure, plot_figure
from experiments.reproduction.markdown import render_figure
from experiments.reproduction.runs import Setup
from tests.experiments.reproduction.places import ALL, GOLD, HALF, NO_RELATION, TYPES, finish_row, setup_in


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """A corpus; a run answers every sentence of it as its scores on dev say, without a network."""

    def judge_run(workdir: Path, gold: Any, *others: Any) -> Any:
        found = read_json(workdir / "scores.json")["dev"]
        answer = next(a for a in (ALL, NO_RELATION, HALF) if score_of(a) == (found["ner"], found["re"]))
        answer = answer._replace(relation_prob=(0.9,) * len(answer.relations))
        return None, judge(gold, [answer] * len(gold), 0.5, ScoringConfig(), **TYPES)

    monkeypatch.setattr(comparison, "judge_run", judge_run)
    monkeypatch.setattr(comparison, "System", SimpleNamespace(load=lambda workdir: None))
    setup = setup_in(tmp_path)
    for split in ("train", "dev"):
        write_jsonl(setup.corpora["conll04"] / f"{split}.jsonl", [GOLD, GOLD._replace(id="2")])
    finish_row("cman", setup, [ALL, NO_RELATION])
    return setup


def score_of(answer: Annotation) -> tuple[Any, Any]:
    scores = score([GOLD], [answer], **TYPES).as_dict()
    return scores["ner"], scores["re"]


def test_only_seeds_of_both_are_compared(setup: Setup) -> None:
    finish_row("multihead", setup, [HALF])
    (found,) = compare_systems("dev", setup, None)
    assert (found["input"], found["seeds"]) == ("words and characters", [0])
    everything = found["slices"]["all"]["all"]
    assert (everything["CMAN"]["re"]["f1"], everything["CMAN"]["re"]["other_f1"]) == (100.0, 0.0)
    assert everything["Multi-head + AT"]["ner"]["f1"] == pytest.approx(200 / 3)


def test_a_seed_of_which_only_the_scores_were_kept_is_left_out(setup: Setup) -> None:
    _, second = finish_row("multihead", setup, [HALF, HALF])
    (second.workdir / "checkpoints").rmdir()
    (found,) = compare_systems("dev", setup, None)
    assert found["seeds"] == [0]


def test_the_answers_of_all_seeds_count_together(setup: Setup) -> None:
    finish_row("multihead", setup, [HALF, HALF])
    (found,) = compare_systems("dev", setup, None)
    measured = found["slices"]["all"]["all"]["CMAN"]["re"]
    # Seed 0 finds the relation of both sentences, seed 1 none: two of four.
    assert found["seeds"] == [0, 1]
    assert (measured["tp"], measured["fp"], measured["fn"]) == (2, 0, 2)
    assert measured["f1"] == pytest.approx(200 / 3)
    # Sentences are resampled, and all of them are alike.
    assert measured["interval"] == pytest.approx([200 / 3, 200 / 3])


def test_a_figure_has_the_papers_bins_and_what_the_paper_says(setup: Setup, tmp_path: Path) -> None:
    finish_row("multihead", setup, [HALF])
    compared = compare_systems("dev", setup, None)
    bins = {"figure4": ["0-9", "10-19", ">=20", ">20"], "figure5": ["0-19", "20-34", "35-49", ">=50"]}
    for what, names in bins.items():
        figure = make_figure(what, compared, setup)
        assert list(figure["panels"][0]["bins"]) == ["all", *names]
        assert set(figure["missing"]) == {"cman_features", "multihead", "multihead_features"}
        text = render_figure(what, figure)
        assert ("+14.67" in text, "+21.42" in text) == (what == "figure4", what == "figure5")
        # Both entities end 8 characters apart, in sentences of four tokens.
        assert figure["panels"][0]["bins"][names[0]]["CMAN"]["re"]["tp"] == 2
        said = plot_figure(what, figure, tmp_path)
        drawn = importlib.util.find_spec("matplotlib") is not None
        assert drawn or "pip install 'cman-jax[plots]'" in said
        assert [(tmp_path / f"{what}.{kind}").exists() for kind in ("png", "svg")] == [drawn, drawn]


def test_without_runs_there_is_no_picture(tmp_path: Path) -> None:
    figure = make_figure("figure4", compare_systems("dev", setup_in(tmp_path), None), setup_in(tmp_path))
    assert plot_figure("figure4", figure, tmp_path) == (
        "figure4 was not drawn: no seed of both systems is finished"
    )
