"""Encodes a corpus with a pretrained encoder and keeps the features of all its layers in a cache.

    python -m data_prep.features --encoder=elmo --data=data/conll04 --out=data/features/elmo \\
        --elmo_options=options.json --elmo_weights=weights.hdf5
    python -m data_prep.features --encoder=minilm --data=data/conll04 --out=data/features/minilm

Killed at any moment and started again it continues, and ends with the same bytes. Given another corpus (or
another fold) it adds those sentences that are not there yet. See cman_jax/data/feature_cache.py.
"""

import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cman_jax.contextual.encoder import Encoder
from cman_jax.contextual.load import load_encoder
from cman_jax.data.corpus import load_splits
from cman_jax.data.feature_cache import FeatureCache, FeatureWriter
from cman_jax.types import Sentence
from experiments.cli import run_main
from experiments.encoder_files import given_files


def add_features(encoder: Encoder, sentences: Sequence[Sentence], out: str | Path) -> str:
    """Adds the features of all sentences to the cache `out`; returns the report to print."""
    start = time.monotonic()
    with FeatureWriter(out, encoder.spec) as writer, _bar() as bar:
        chunks = writer.missing_chunks(sentences)
        num_missing = sum(map(len, chunks))
        task = bar.add_task("encoding", total=num_missing)
        for chunk in chunks:
            writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))
            bar.advance(task, len(chunk))
    seconds = time.monotonic() - start
    cache = FeatureCache.open(out)
    cache.check(sentences)
    num_distinct = len({sentence.tokens for sentence in sentences})
    return (
        f"{len(sentences)} sentences, {num_distinct} different: {num_distinct - num_missing} there already, "
        f"{num_missing} encoded in {seconds:.1f} s\n"
        f"{out}: {len(cache)} sentences, {cache.num_bytes / 2**20:.1f} MiB"
    )


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _main(argv: Sequence[str]) -> None:
    del argv
    given = flags.FLAGS
    sentences = list(itertools.chain.from_iterable(load_splits(given.data).values()))
    print(add_features(load_encoder(given.encoder, **given_files()), sentences, given.out))


if __name__ == "__main__":
    flags.DEFINE_enum("encoder", None, ["elmo", "minilm"], "Which encoder.", required=True)
    flags.DEFINE_string("data", None, "Directory of train.jsonl, dev.jsonl, test.jsonl.", required=True)
    flags.DEFINE_string("out", None, "Directory of the cache, new or to be added to.", required=True)
    run_main(_main)
