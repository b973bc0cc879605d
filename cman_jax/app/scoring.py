"""Scores of a finished run on whole splits: what training ends with, and the program `evaluate`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.data.text import from_tokens
from cman_jax.encoders.encoder import Encoder
from cman_jax.evaluation.metrics import Scores
from cman_jax.evaluation.report import convention_table, score_table
from cman_jax.files import json_text, write_atomically
from cman_jax.inference.ensemble import Ensemble
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.record import Record
from cman_jax.run.entries import entry_of
from cman_jax.run.installed import NOT_KEPT, is_packaged
from cman_jax.run.manifest import update_json
from cman_jax.types import Annotation, Sentence


def evaluate(
    workdir: Path,
    splits: Mapping[str, Sequence[Sentence]],
    encoder: Encoder | None = None,
    **decoding: Any,
) -> dict[str, list[Annotation]]:
    """Scores the chosen epoch on each split: prints tables, updates scores.json, writes predictions.

    Returns the predictions by the name of the split. They are written to predictions.jsonl (test) or
    predictions_NAME.jsonl, where NAME is the name of the entry in scores.json. With other data or decoding
    than the run's, the entry has another name, and the run's own scores are kept. Nothing is written into an
    installed model.

    Args:
      workdir: the folder of the run.
      splits: sentences with their gold annotation, by the name of the split.
      encoder, decoding: as for `Extractor.as_configured`.

    Raises:
      InputError: there is nothing to load, or the gold has a type that the run does not know.
    """
    extractor = Extractor.as_configured(workdir, encoder=encoder, **decoding)
    config, predictions = extractor.system.config, {}
    for split, sentences in splits.items():
        annotations = predictions[split] = extractor.annotate(sentences)
        scores = extractor.score(sentences, annotations)
        tree = scores.as_dict()
        entry = entry_of(workdir, split, sentences, config.decoding, extractor.epoch, tree)
        _print_tables(extractor, scores, f"{entry.name}, epoch {extractor.epoch}")
        notes = [entry.note, *extractor.notes]
        if is_packaged(workdir):
            notes[0] = NOT_KEPT
        else:
            write_predictions(workdir, entry.name, sentences, annotations)
            update_json(workdir / "scores.json", {entry.name: {**entry.about, **tree}})
        for note in filter(None, notes):
            print(f"\n{note}", flush=True)
    return predictions


def evaluate_ensemble(
    workdirs: Sequence[Path],
    split: str,
    sentences: Sequence[Sentence],
    encoders: Sequence[Encoder | None],
    **decoding: Any,
) -> list[Annotation]:
    """Scores several runs together on a split: prints tables and returns the predictions; writes nothing.

    Args:
      workdirs: the folders of the runs.
      split: the name of the sentences' file.
      sentences: the sentences with their gold annotation.
      encoders, decoding: as for `Extractor.as_configured`, an encoder for each run.

    Raises:
      InputError: as `evaluate`, or the runs differ in more than the seed.
    """
    ensemble = Ensemble.as_configured(workdirs, encoders=encoders, **decoding)
    annotations = ensemble.annotate(sentences)
    _print_tables(ensemble, ensemble.score(sentences, annotations), f"{split}, {len(workdirs)} runs averaged")
    for note in ensemble.notes:
        print(f"\n{note}", flush=True)
    return annotations


def _print_tables(extractor: Extractor, scores: Scores, title: str) -> None:
    """Prints the scores by type, and under every convention."""
    for table in (score_table, convention_table):
        text = table(scores, **extractor.system.config.scoring.convention, title=title)
        print(f"\n{text}", flush=True)


def write_predictions(
    workdir: Path, name: str, sentences: Sequence[Sentence], annotations: Sequence[Annotation]
) -> None:
    """Writes an entry's predictions: predictions.jsonl for test, else predictions_NAME.jsonl."""
    records = [Record.of(from_tokens(s), a) for s, a in zip(sentences, annotations, strict=True)]
    lines = "".join(json_text(record, ensure_ascii=False) + "\n" for record in records)
    file = "predictions.jsonl" if name == "test" else f"predictions_{name}.jsonl"
    write_atomically(workdir / file, lines.encode())
