"""Writes a page about a training: curves, scores under every convention, errors, probabilities, slices.

    cman report --workdir=DIR --data=DIR
    cman report --workdir=DIR --data=DIR --split=dev --out=dev.html

The page also shows the sentences with the most errors. It is one file of HTML, by default
WORKDIR/report.html, as training writes it at its end. It needs the extras page and plots.
"""

from collections.abc import Sequence

from absl import flags

from cman_jax.app.corpus_flags import corpus_of_flags, split_in
from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction
from cman_jax.app.reporting import report_path, split_to_report, write_report
from cman_jax.app.run_flag import run_of_flags
from cman_jax.app.runtime import start_jax
from cman_jax.data.stored import joined
from cman_jax.page.report import require_report
from cman_jax.run.system import load_config

_SPLIT = flags.DEFINE_string(
    "split", None, "Split of the corpus to report on; by default test, or dev if there is no test sentence."
)
_OUT = flags.DEFINE_string("out", None, "File to write; by default WORKDIR/report.html.")


def main(argv: Sequence[str]) -> None:
    """Reports as the flags say."""
    del argv
    start_jax()
    require_report()  # a missing extra is an error before the work, not after it
    workdir = run_of_flags()
    path = report_path(workdir, _OUT.value)
    corpus, trained = corpus_of_flags(), load_config(workdir).training.trained_splits
    split = _SPLIT.value or split_to_report(corpus.splits, trained) or "test"
    gold, train = split_in(corpus, split), None
    if all(name in corpus.splits for name in trained):
        train = joined(corpus.splits[name] for name in trained)
    encoder = encoder_for_prediction(workdir)
    print(write_report(path, workdir, split, gold, train, encoder, **decoding_flags()))
