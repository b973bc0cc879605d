"""Scores a trained network on a split, under every convention.

    cman evaluate --workdir=DIR --data=DIR --split=test

Prints the table of the configured convention and the F1 of all conventions; writes scores.json and the
predictions into the workdir.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.corpus_flags import split_of_flags
from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction
from cman_jax.app.runtime import start_jax
from cman_jax.app.scoring import evaluate

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a training run.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Which split of the corpus to score.")


def main(argv: Sequence[str]) -> None:
    """Scores as the flags say."""
    del argv
    start_jax()
    splits = {_SPLIT.value: split_of_flags(_SPLIT.value)}
    workdir = Path(_WORKDIR.value)
    evaluate(workdir, splits, encoder_for_prediction(workdir), **decoding_flags())
