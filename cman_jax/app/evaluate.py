"""Scores a trained network on a split, under every convention.

    cman evaluate --workdir=DIR --data=DIR --split=test --page=errors.html
    cman evaluate --workdir=DIR --data=DIR --split=dev --tune_threshold
    cman evaluate --workdir=RUN_A,RUN_B,RUN_C --data=DIR

Prints the table of the configured convention and the F1 of all conventions; writes scores.json and the
predictions into the workdir, unless that is an installed model. --page writes a page of HTML that shows every
sentence with gold, prediction and errors. Several runs that differ in their seed are averaged; their scores
are only printed.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from cman_jax.app.comparison import write_comparison
from cman_jax.app.corpus_flags import split_of_flags
from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction, encoders_for_prediction
from cman_jax.app.flags import refuse_unread
from cman_jax.app.negatives import report_negatives
from cman_jax.app.run_flag import runs_of_flags
from cman_jax.app.runtime import start_jax
from cman_jax.app.scoring import evaluate, evaluate_ensemble
from cman_jax.app.tuning import calibrate, threshold_of_ensemble, tune_threshold, tune_thresholds
from cman_jax.data.negatives import read_negatives
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.page.html import page_to_write
from cman_jax.types import Sentence

_SPLIT = flags.DEFINE_string("split", "test", "Which split of the corpus to score.")
_PAGE = flags.DEFINE_string("page", None, "Page of HTML to write, with gold, prediction and errors.")
_TUNE = flags.DEFINE_bool(
    "tune_threshold",
    False,
    "First find the threshold with the best relation F1 on the split, and store it; that of several runs "
    "together is only printed.",
)
_PER_RELATION = flags.DEFINE_bool(
    "per_relation",
    False,
    "With --tune_threshold: find a threshold for each relation type. On a small split they overfit.",
)
_CALIBRATE = flags.DEFINE_bool(
    "calibrate", False, "First fit the run's probabilities to the split, as training does with dev."
)
_NEGATIVES = flags.DEFINE_string(
    "negatives",
    None,
    "File of sentences without relations, one per line, as text or JSON with tokens; "
    "reports the share that gets a triple.",
)


def main(argv: Sequence[str]) -> None:
    """Scores as the flags say."""
    del argv
    start_jax()
    _refuse_wrong_flags()
    negatives = read_negatives(Path(_NEGATIVES.value)) if _NEGATIVES.value else []
    runs, split, decoding = runs_of_flags(), _SPLIT.value, decoding_flags()
    gold = split_of_flags(split)
    if len(runs) > 1:
        _evaluate_ensemble(runs, gold, decoding)
        return
    (workdir,) = runs
    encoder = encoder_for_prediction(workdir)
    if _CALIBRATE.value:
        fitted = calibrate(workdir, gold, encoder, **decoding)
        for name, part in zip(("entities", "triples"), fitted, strict=True):
            print(f"calibrated {name} on {split}: scale {part.scale:.3f}, offset {part.offset:.3f}")
    if _TUNE.value:
        _tune(workdir, split, gold, encoder, **decoding)
        decoding["threshold"] = "dev"
    predictions = evaluate(workdir, {split: gold}, encoder, **decoding)
    if _PAGE.value:
        write_comparison(Path(_PAGE.value), gold, predictions[split], f"{workdir.name}: {split}")
    if negatives:
        report_negatives(workdir, Path(_NEGATIVES.value).stem, negatives, encoder, **decoding)


def _refuse_wrong_flags() -> None:
    """Raises an InputError, before the work, for a page that cannot be written and flags that do not fit."""
    if _PAGE.value:
        page_to_write(Path(_PAGE.value))
    if _PER_RELATION.value and not _TUNE.value:
        raise InputError("--per_relation", None, "no --tune_threshold", "both flags, or none")
    if _TUNE.value:
        refuse_unread(["threshold"], "no --tune_threshold, which finds the threshold")


def _evaluate_ensemble(runs: Sequence[Path], gold: Sequence[Sentence], decoding: dict[str, Any]) -> None:
    """Scores several runs together; nothing is written into them."""
    refuse_unread([_PER_RELATION.name, _CALIBRATE.name, _NEGATIVES.name], "a single run in --workdir")
    encoders = encoders_for_prediction(*runs)
    if _TUNE.value:
        best = threshold_of_ensemble(runs, gold, encoders, **decoding)
        print(f"threshold {best.threshold}, with relation F1 {best.f1:.2f} on {_SPLIT.value} (not stored)")
        decoding["threshold"] = best.threshold
    found = evaluate_ensemble(runs, _SPLIT.value, gold, encoders, **decoding)
    if _PAGE.value:
        names = ", ".join(run.name for run in runs)
        write_comparison(Path(_PAGE.value), gold, found, f"{names}: {_SPLIT.value}")


def _tune(
    workdir: Path, split: str, gold: Sequence[Sentence], encoder: Encoder | None, **options: Any
) -> None:
    """Finds one threshold, or one for each relation type, and says what was found."""
    if not _PER_RELATION.value:
        best = tune_threshold(workdir, gold, encoder, **options)
        print(f"threshold {best.threshold}, with relation F1 {best.f1:.2f} on {split}")
        return
    numbers = Counter(relation.type for sentence in gold for relation in sentence.relations)
    for name, best in tune_thresholds(workdir, gold, encoder, **options).items():
        print(f"threshold {best.threshold} of {name}, with F1 {best.f1:.2f} on {numbers[name]} of {split}")
    print(
        "warning: thresholds of single relation types fit a small split too closely; compare them on other "
        "sentences with one threshold for all"
    )
