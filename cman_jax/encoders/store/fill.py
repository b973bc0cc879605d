"""The way to fill a cache of features: encode every sentence that the cache lacks.

A progress bar is shown where stderr is a terminal.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cman_jax.encoders.encoder import Encoder
from cman_jax.encoders.store.cache import FeatureCache, FeatureWriter, complete_cache
from cman_jax.encoders.store.index import sentence_key
from cman_jax.types import Sentence


def add_features(encoder: Encoder, sentences: Sequence[Sentence], out: str | Path) -> str:
    """Adds the features of all sentences to a cache, and returns a report to print.

    Args:
      encoder: the encoder that computes the features.
      sentences: the sentences, repeated or not; those that the cache already has are not encoded again.
      out: the cache's directory; made if it does not exist.

    Raises:
      InputError: sentences are missing while another program is adding to the cache, the cache has the
        features of another encoder or is damaged, or a feature is not finite in float16.
    """
    start, num_missing = time.monotonic(), 0
    cache = complete_cache(out, encoder.spec, sentences)
    if cache is None:
        num_missing = _encode_missing(encoder, sentences, out)
        cache = FeatureCache.open(out)
        cache.check(sentences)
    seconds = time.monotonic() - start
    num_distinct = len({sentence_key(sentence.tokens) for sentence in sentences})
    return (
        f"{len(sentences)} sentences, {num_distinct} different: {num_distinct - num_missing} there already, "
        f"{num_missing} encoded in {seconds:.1f} s\n"
        f"{out}: {len(cache)} sentences, {cache.num_bytes / 2**20:.1f} MiB"
    )


def _encode_missing(encoder: Encoder, sentences: Sequence[Sentence], out: str | Path) -> int:
    """Encodes the sentences that a cache lacks, and returns how many they are; see `add_features`."""
    with FeatureWriter(out, encoder.spec) as writer, _bar() as bar:
        chunks = writer.missing_chunks(sentences)
        num_missing = sum(map(len, chunks))
        task = bar.add_task("encoding", total=num_missing)
        for chunk in chunks:
            writer.append(chunk, encoder.encode([sentence.tokens for sentence in chunk]))
            bar.advance(task, len(chunk))
    return num_missing


def _bar() -> Progress:
    """Returns the progress bar, which is only shown where stderr is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
