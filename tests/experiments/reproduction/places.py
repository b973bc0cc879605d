"""Helpers for tests: a setup in a temporary folder, and files of finished runs without any training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import to_dict
from cman_jax.evaluation.metrics import score
from cman_jax.files import read_json, write_json
from cman_jax.run.record import write_metrics
from cman_jax.types import Annotation, Entity, Relation, Sentence
from experiments.reproduction.rows import ROWS, Row
from experiments.reproduction.runs import Run, Setup, runs_of

TYPES = {"entity_types": ("Peop", "Other"), "relation_types": ("Kill",)}
ANN, BEN = Entity(0, 1, "Peop"), Entity(2, 3, "Peop")
GOLD = Sentence("1", ("Ann", "saw", "Ben", "."), (ANN, BEN), (Relation(0, 1, "Kill"),))
ALL = Annotation(GOLD.entities, GOLD.relations)  # F1 of entities and relations: 100 and 100
NO_RELATION = Annotation(GOLD.entities, ())  # F1 100 and 0
HALF = Annotation((ANN,), ())  # F1 66.67 and 0


def setup_in(folder: Path, num_seeds: int = 2, **fields: Any) -> Setup:
    corpora = {"conll04": folder / "conll04", "ade": folder / "ade"}
    return Setup(folder, "quick", num_seeds, corpora, **fields)


def row_named(name: str) -> Row:
    return next(row for rows in ROWS.values() for row in rows if row.name == name)


def finish(run: Run, answers: Mapping[str, Annotation]) -> None:
    """Writes the files of a finished run whose last epoch is the best.

    Args:
      run: the run.
      answers: the run's annotation of `GOLD`, by entry of scores.json.
    """
    (run.workdir / "checkpoints").mkdir(parents=True, exist_ok=True)
    epochs = run.config.training.num_epochs
    write_json(run.workdir / "config.json", to_dict(run.config))
    write_metrics(run.workdir, [{"epoch": k, "selection": float(k)} for k in range(1, epochs + 1)])
    scores = {
        entry: {"epoch": epochs, **score([GOLD], [answer], **TYPES).as_dict()}
        for entry, answer in answers.items()
    }
    path = run.workdir / "scores.json"
    write_json(path, read_json(path) | scores)


def finish_row(name: str, setup: Setup, answers: Sequence[Annotation]) -> list[Run]:
    """Finishes the row's first runs, one per annotation, which scores both dev and test."""
    runs = runs_of(row_named(name), setup)[: len(answers)]
    for run, answer in zip(runs, answers, strict=True):
        finish(run, {"dev": answer, "test": answer})
    return runs
