"""Scoring a finished run on whole splits: what `train` ends with and `evaluate` is; judging its answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.data.text import from_tokens, to_record
from cman_jax.encoders.encoder import Encoder
from cman_jax.evaluation.analysis.summary import Judged, judge
from cman_jax.evaluation.report import convention_table, score_table
from cman_jax.files import json_text, write_atomically
from cman_jax.inference.extractor import Extractor, with_decoding
from cman_jax.run.entries import entry_of
from cman_jax.run.lock import update_json
from cman_jax.run.system import System, load_config
from cman_jax.types import Sentence


def evaluate(
    workdir: Path,
    splits: Mapping[str, Sequence[Sentence]],
    encoder: Encoder | None = None,
    **decoding: Any,
) -> None:
    """Scores the chosen epoch on each split: prints tables, updates scores.json, writes predictions.

    The predictions go to predictions.jsonl (test) or predictions_NAME.jsonl; NAME is that of the entry in
    scores.json. With other data or decoding than the run's it is another name, and the run's own scores stay.
    `encoder` and `decoding` are those of `Extractor.load`.

    Raises:
      InputError: there is nothing to load, or the gold has a type that the run does not know.
    """
    extractor = Extractor.load(workdir, encoder=encoder, **decoding)
    config = extractor.system.config
    convention = config.scoring.convention
    for split, sentences in splits.items():
        annotations = extractor.annotate(sentences)
        scores = extractor.score(sentences, annotations)
        tree = scores.as_dict()
        entry = entry_of(workdir, split, sentences, config.decoding, extractor.epoch, tree)
        title = f"{entry.name}, epoch {extractor.epoch}"
        print(f"\n{score_table(scores, **convention, title=title)}")
        print(f"\n{convention_table(scores, **convention, title=title)}", flush=True)
        records = [to_record(from_tokens(s), a) for s, a in zip(sentences, annotations, strict=True)]
        name = "predictions.jsonl" if entry.name == "test" else f"predictions_{entry.name}.jsonl"
        lines = "".join(json_text(record, ensure_ascii=False) + "\n" for record in records)
        write_atomically(workdir / name, lines.encode())
        update_json(workdir / "scores.json", {entry.name: {**entry.about, **tree}})
        if entry.note:
            print(f"\n{entry.note}", flush=True)


def judge_run(
    workdir: Path,
    gold: Sequence[Sentence],
    encoder: Encoder | None = None,
    like: System | None = None,
    **decoding: Any,
) -> tuple[Extractor, Judged]:
    """The run's answers, of which threshold 0 keeps every candidate.

    Args:
      encoder, decoding: as for `Extractor.load`; the threshold is the answers'.
      like: the system whose types and convention to score by; None: the run's own.
    """
    threshold = with_decoding(load_config(workdir), decoding).decoding.threshold
    extractor = Extractor.load(workdir, encoder=encoder, **{**decoding, "threshold": 0.0})
    candidates = extractor.annotate(gold)
    config, vocabs, *_ = like or extractor.system
    types = {"entity_types": vocabs.entity_types, "relation_types": vocabs.relation_types}
    return extractor, judge(gold, candidates, threshold, config.scoring, **types)
