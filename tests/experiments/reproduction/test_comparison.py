"""Tests of the comparison of CMAN with the baseline: pooled seeds, the paper's bins, and their plots."""

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
    """Returns a setup with a corpus and two finished runs of CMAN.

    Without a network, a run predicts for every sentence the annotation that has its scores on dev.
    """

    def judge_run(workdir: Path, gold: Any, *others: Any) -> Any:
        found = read_json(workdir / "scores.json")["dev"]
        answer = next(a for a in (ALL, NO_RELATION, HALF) if score_of(a) == (found["ner"], found["re"]))
        answer = answer._replace(relation_prob=(0.9,) * len(answer.relations))
        thresholds = dict.fromkeys(TYPES["relation_types"], 0.5)
        return None, judge(gold, [answer] * len(gold), thresholds, ScoringConfig(), **TYPES)

    monkeypatch.setattr(comparison, "judge_run", judge_run)
    monkeypatch.setattr(comparison, "System", SimpleNamespace(load=lambda workdir: None))
    setup = setup_in(tmp_path)
    for split in ("train", "dev"):
        write_jsonl(setup.corpora["conll04"] / f"{split}.jsonl", [GOLD, GOLD._replace(id="2")])
    finish_row("cman", setup, [ALL, NO_RELATION])
    return setup


def score_of(answer: Annotation) -> tuple[Any, Any]:
    """Returns the scores of both tasks for one annotation of `GOLD`."""
    scores = score([GOLD], [answer], **TYPES).as_dict()
    return scores["ner"], scores["re"]


def test_only_seeds_of_both_are_compared(setup: Setup) -> None:
    finish_row("multihead", setup, [HALF])
    (found,) = compare_systems("dev", setup, None)
    assert (found["input"], found["seeds"]) == ("words and characters", [0])
    everything = found["slices"]["all"]["all"]
    assert (everything["CMAN"]["re"]["f1"], everything["CMAN"]["re"]["other_f1"]) == (100.0, 0.0)
    assert everything["Multi-head + AT"]["ner"]["f1"] == pytest.approx(200 / 3)


def test_a_seed_without_checkpoints_is_not_compared(setup: Setup) -> None:
    _, second = finish_row("multihead", setup, [HALF, HALF])
    (second.workdir / "checkpoints").rmdir()
    (found,) = compare_systems("dev", setup, None)
    assert found["seeds"] == [0]


def test_the_counts_of_all_seeds_are_summed(setup: Setup) -> None:
    finish_row("multihead", setup, [HALF, HALF])
    (found,) = compare_systems("dev", setup, None)
    measured = found["slices"]["all"]["all"]["CMAN"]["re"]
    # Seed 0 predicts the relation of both sentences, seed 1 of neither: two of four.
    assert found["seeds"] == [0, 1]
    assert (measured["tp"], measured["fp"], measured["fn"]) == (2, 0, 2)
    assert measured["f1"] == pytest.approx(200 / 3)
    # The bootstrap resamples sentences, and all sentences have equal counts.
    assert measured["interval"] == pytest.approx([200 / 3, 200 / 3])


def test_a_figure_has_the_papers_bins_and_gains(setup: Setup, tmp_path: Path) -> None:
    finish_row("multihead", setup, [HALF])
    compared = compare_systems("dev", setup, None)
    bins = {"figure4": ["0-9", "10-19", ">=20", ">20"], "figure5": ["0-19", "20-34", "35-49", ">=50"]}
    for what, names in bins.items():
        figure = make_figure(what, compared, setup)
        assert list(figure["panels"][0]["bins"]) == ["all", *names]
        both = {f"{name}_{read}" for name in ("cman", "multihead") for read in ("features", "layers")}
        assert set(figure["missing"]) == {"multihead", *both}
        text = render_figure(what, figure)
        assert ("+14.67" in text, "+21.42" in text) == (what == "figure4", what == "figure5")
        # The two entities end 8 characters apart, in sentences of four tokens.
        assert figure["panels"][0]["bins"][names[0]]["CMAN"]["re"]["tp"] == 2
        message = plot_figure(what, figure, tmp_path)
        drawn = importlib.util.find_spec("matplotlib") is not None
        assert drawn or "pip install 'cman-jax[plots]'" in message
        assert [(tmp_path / f"{what}.{kind}").exists() for kind in ("png", "svg")] == [drawn, drawn]


def test_without_runs_no_plot_is_drawn(tmp_path: Path) -> None:
    figure = make_figure("figure4", compare_systems("dev", setup_in(tmp_path), None), setup_in(tmp_path))
    assert plot_figure("figure4", figure, tmp_path) == (
        "figure4 was not drawn: no seed is finished for both systems"
    )
