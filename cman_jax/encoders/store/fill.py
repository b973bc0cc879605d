"""Fills a feature cache with an encoder's vectors, with a progress bar."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.store.cache import FeatureCache, FeatureWriter
from cman_jax.types import Sentence


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
