"""Looks into a trained system's answers: where it is good, how sure that is, and what it takes for what.

    python -m experiments.analyse --workdir=DIR --data=DIR --split=test [--compare=OTHER_WORKDIR]

Prints F1 by sentence length and entity distance (the paper's Figures 5 and 4), by relation type and on
sentences that are not in train, with 95 % bootstrap intervals, all under the run's own convention;
calibration and the precision-recall curve of relations; the most frequent confusions; what each layer of a
pretrained encoder is multiplied by. With --compare, the other run's F1 beside each, and p of an approximate
randomisation test (two-sided, not corrected for the number of rows). Writes analysis.json and, with
matplotlib, analysis_SPLIT.png.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoders_for_prediction
from cman_jax.app.judging import judge_run
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.data.corpus import load_split
from cman_jax.evaluation.analysis.report import analysis_tables
from cman_jax.evaluation.analysis.summary import analyse
from cman_jax.run.entries import entry_of
from cman_jax.run.manifest import update_json
from cman_jax.run.system import load_config
from experiments.analysis_plot import plot_analysis

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a training run.", required=True)
_DATA = flags.DEFINE_string("data", None, "Folder with SPLIT.jsonl and train.jsonl.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Which file of the folder to analyse.")
_COMPARE = flags.DEFINE_string("compare", None, "Folder of another run to compare with.")


def main(argv: Sequence[str]) -> None:
    """Analyses as the flags say."""
    del argv
    start_jax()
    workdir, data, split = Path(_WORKDIR.value), Path(_DATA.value), _SPLIT.value
    gold = load_split(data, split)
    config = load_config(workdir)
    train = [sentence for name in config.training.trained_splits for sentence in load_split(data, name)]
    decoding = decoding_flags()
    others = [Path(_COMPARE.value)] if _COMPARE.value else []
    encoder, *their_encoders = encoders_for_prediction(workdir, *others)
    extractor, ours = judge_run(workdir, gold, encoder, **decoding)
    theirs = None
    for other, their_encoder in zip(others, their_encoders, strict=True):
        _, theirs = judge_run(other, gold, their_encoder, extractor.system, **decoding)

    found = analyse(ours, train, config.scoring.average, theirs)
    entry = entry_of(workdir, split, gold, extractor.system.config.decoding, extractor.epoch)
    about: dict[str, Any] = {}
    if _COMPARE.value:
        about["other_run"] = _COMPARE.value
    if shares := extractor.layer_shares:
        about["layer_shares"] = [round(share, 3) for share in shares]
    convention = dataclasses.asdict(config.scoring)
    shown = {"epoch": extractor.epoch} | entry.about["decoding"] | about | convention
    print(f"{entry.name}, {', '.join(f'{name} {value}' for name, value in shown.items())}\n")
    print(analysis_tables(found), flush=True)
    update_json(
        workdir / "analysis.json",
        {entry.name: {**about, **entry.about, "convention": convention, **found}},
    )
    print(f"\n{plot_analysis(found, workdir / f'analysis_{entry.name}.png')}")
    if entry.note:
        print(entry.note)


if __name__ == "__main__":
    run_main(main)
