"""A run's answers beside the gold, for the analysis of single facts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cman_jax.encoders.encoder import Encoder
from cman_jax.evaluation.analysis.summary import Judged, judge
from cman_jax.inference.extractor import Extractor
from cman_jax.run.system import System
from cman_jax.types import Sentence


def judge_run(
    workdir: Path,
    gold: Sequence[Sentence],
    encoder: Encoder | None = None,
    like: System | None = None,
    **decoding: Any,
) -> tuple[Extractor, Judged]:
    """Predicts with a run and compares the answers with the gold.

    Args:
      workdir: the folder of the run.
      gold: the annotated sentences.
      encoder, decoding: as for `Extractor.as_configured`.
      like: the system whose types and convention to score by; None: the run's own.

    Returns:
      The extractor and its answers.

    Raises:
      InputError: nothing can be loaded, an option is not allowed, or a type is unknown.
    """
    extractor = Extractor.as_configured(workdir, encoder=encoder, **decoding)
    config, vocabs, *_ = extractor.system
    thresholds = config.decoding.thresholds(vocabs.relation_types)
    candidates = extractor.candidates(gold)
    config, vocabs, *_ = like or extractor.system
    types = {"entity_types": vocabs.entity_types, "relation_types": vocabs.relation_types}
    return extractor, judge(gold, candidates, thresholds, config.scoring, **types)
