"""Scores a trained network on a split, under every convention.

    cman evaluate --workdir=DIR --data=DIR --split=test --page=errors.html

Prints the table of the configured convention and the F1 of all conventions; writes scores.json and the
predictions into the workdir. --page writes a page of HTML that shows every sentence with gold, prediction and
errors.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.comparison import write_comparison
from cman_jax.app.corpus_flags import split_of_flags
from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction
from cman_jax.app.runtime import start_jax
from cman_jax.app.scoring import evaluate
from cman_jax.page.html import environment

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a training run.", required=True)
_SPLIT = flags.DEFINE_string("split", "test", "Which split of the corpus to score.")
_PAGE = flags.DEFINE_string("page", None, "Page of HTML to write, with gold, prediction and errors.")


def main(argv: Sequence[str]) -> None:
    """Scores as the flags say."""
    del argv
    start_jax()
    if _PAGE.value:
        environment()  # a missing extra is an error before the work, not after it
    workdir, split = Path(_WORKDIR.value), _SPLIT.value
    gold = split_of_flags(split)
    predictions = evaluate(workdir, {split: gold}, encoder_for_prediction(workdir), **decoding_flags())
    if _PAGE.value:
        write_comparison(Path(_PAGE.value), gold, predictions[split], f"{workdir.name}: {split}")
