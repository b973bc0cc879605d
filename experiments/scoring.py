"""Scoring a finished run on whole splits: what `train` ends with and `evaluate` is."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cman_jax.contextual.encoder import Encoder
from cman_jax.data.corpus import write_atomically
from cman_jax.data.text import from_tokens, to_record
from cman_jax.evaluation.report import convention_table, score_table
from cman_jax.extract import Extractor
from cman_jax.system import read_json, write_json
from cman_jax.types import Sentence


def evaluate(
    workdir: Path,
    splits: Mapping[str, Sequence[Sentence]],
    encoder: Encoder | None = None,
    **decoding: object,
) -> None:
    """Scores the chosen epoch on each split: prints tables, updates scores.json, writes predictions.

    The predictions go to predictions.jsonl (test) or predictions_SPLIT.jsonl. `encoder` and `decoding` are
    those of `Extractor.load`.

    Raises:
      InputError: there is nothing to load, or the gold has a type that the run does not know.
    """
    extractor = Extractor.load(workdir, encoder=encoder, **decoding)
    path = workdir / "scores.json"
    scores_by_split = read_json(path)
    convention = extractor.system.config.scoring.convention
    for split, sentences in splits.items():
        annotations = extractor.annotate(sentences)
        scores = extractor.score(sentences, annotations)
        title = f"{split}, epoch {extractor.epoch}"
        print(f"\n{score_table(scores, **convention, title=title)}")
        print(f"\n{convention_table(scores, **convention, title=title)}", flush=True)
        scores_by_split[split] = {"epoch": extractor.epoch, **scores.as_dict()}
        records = [to_record(from_tokens(s), a) for s, a in zip(sentences, annotations, strict=True)]
        name = "predictions.jsonl" if split == "test" else f"predictions_{split}.jsonl"
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        write_atomically(workdir / name, lines.encode())
    write_json(path, scores_by_split)
