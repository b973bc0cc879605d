"""Looks into a trained system's answers: where it is good, how sure that is, and what it takes for what.

    python -m experiments.analyse --workdir=DIR --data=DIR --split=test [--compare=OTHER_WORKDIR]

Prints F1 by sentence length and entity distance (the paper's Figures 5 and 4), by relation type and on
sentences that are not in train, with 95 % bootstrap intervals, all under the run's own convention;
calibration and the precision-recall curve of relations; the most frequent confusions. With --compare, the
other run's F1 beside each, and p of an approximate randomisation test (two-sided, not corrected for the
number of rows). Writes analysis.json and, with matplotlib, analysis_SPLIT.png.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.contextual.encoder import Encoder
from cman_jax.data.corpus import load_split
from cman_jax.data.errors import InputError
from cman_jax.evaluation.analysis import Judged, analyse, judge
from cman_jax.evaluation.analysis_report import analysis_tables
from cman_jax.extract import Extractor
from cman_jax.system import System, load_config, write_json
from cman_jax.types import Sentence
from experiments.analysis_plot import plot_analysis
from experiments.cli import run_main
from experiments.encoders import encoder_for_prediction
from experiments.runtime import decoding_flags, start_jax

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a training run.", required=True)
_DATA = flags.DEFINE_string("data", None, "Folder with SPLIT.jsonl and train.jsonl.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Which file of the folder to analyse.")
_COMPARE = flags.DEFINE_string("compare", None, "Folder of another run to compare with.")


def main(argv: Sequence[str]) -> None:
    """Analyses as the flags say."""
    del argv
    start_jax()
    workdir, data, split = Path(_WORKDIR.value), Path(_DATA.value), _SPLIT.value
    config = load_config(workdir)
    gold = load_split(data, split)
    trained_on = ["train", "dev"] if config.training.protocol == "train+dev" else ["train"]
    train = [sentence for name in trained_on for sentence in load_split(data, name)]
    encoder = encoder_for_prediction()
    extractor = load_candidates(workdir, encoder)
    ours, theirs = judge_run(workdir, extractor, gold, extractor.system), None
    if _COMPARE.value:
        other = Path(_COMPARE.value)
        theirs = judge_run(other, load_candidates(other, encoder), gold, extractor.system)

    found = analyse(ours, train, config.scoring.average, theirs)
    about = {"epoch": extractor.epoch, "convention": dataclasses.asdict(config.scoring)}
    about |= {"threshold": threshold_of(workdir), "compared_with": _COMPARE.value}
    print(heading(split, extractor, threshold_of(workdir)))
    print(analysis_tables(found), flush=True)
    path = workdir / "analysis.json"
    by_split = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_json(path, {**by_split, split: {**about, **found}})
    print(plot_analysis(found, workdir / f"analysis_{split}.png"))


def heading(split: str, extractor: Extractor, threshold: float) -> str:
    """What was analysed and how it was counted."""
    scoring = extractor.system.config.scoring
    other = "with Other" if scoring.other else "without Other"
    counting = f"{scoring.match}, {scoring.average}, {other}, overlaps: {scoring.overlap}"
    return f"\n{split}, epoch {extractor.epoch}, relations above {threshold}: {counting}\n"


def load_candidates(workdir: Path, encoder: Encoder | None) -> Extractor:
    """The run's extractor at threshold 0: its annotations hold every candidate for a relation."""
    return Extractor.load(workdir, encoder=encoder, **{**decoding_flags(), "threshold": 0.0})


def threshold_of(workdir: Path) -> float:
    """The threshold that the answers are to be taken at."""
    return decoding_flags().get("threshold", load_config(workdir).decoding.threshold)


def judge_run(workdir: Path, extractor: Extractor, gold: Sequence[Sentence], system: System) -> Judged:
    """Args: system: whose types and convention to score by."""
    candidates = extractor.annotate(gold)
    types = {name: getattr(system.vocabs, name) for name in ("entity_types", "relation_types")}
    try:
        return judge(gold, candidates, threshold_of(workdir), system.config.scoring, **types)
    except ValueError as error:  # a type that the run does not know
        raise InputError(_DATA.value, None, str(error), "the types of the run") from error


if __name__ == "__main__":
    run_main(main)
