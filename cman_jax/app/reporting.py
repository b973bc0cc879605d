"""The report of a training: what it shows is computed from a finished run, and written to a file."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from cman_jax.app.comparison import record_pair
from cman_jax.app.judging import judge_run
from cman_jax.config import ScoringConfig
from cman_jax.data.contents import content_lines
from cman_jax.data.stored import joined
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.evaluation.analysis.report import confusion_rows, slice_rows
from cman_jax.evaluation.analysis.summary import Judged, analyse, judge_answers
from cman_jax.evaluation.analysis.worst import worst_sentences
from cman_jax.evaluation.facts import Task
from cman_jax.evaluation.metrics import Scores
from cman_jax.evaluation.report import COLUMNS, Line, convention_lines, score_lines, scored_tasks, setting
from cman_jax.files import write_atomically
from cman_jax.inference.extractor import Extractor
from cman_jax.page.html import page_to_write
from cman_jax.page.panels import TASKS
from cman_jax.page.report import Report, Table, missing_extras, render_report, require_report
from cman_jax.run.entries import Entry, entry_of
from cman_jax.run.installed import refuse_packaged
from cman_jax.run.provenance import recorded_contents, recorded_digest
from cman_jax.run.record import read_metrics
from cman_jax.types import Sentence

FILE = "report.html"
MISTAKES = 12
"""Number of kinds of errors of a task that are listed."""

_PARTS = {
    "all": "All sentences",
    "length": "By sentence length, tokens",
    "distance": "By entity distance, characters",
    "relation_type": "By relation type",
    "train": "New and known sentences",
}
"""The captions of the slices."""


def report_path(workdir: Path, out: str | None) -> Path:
    """Returns the file of a report: the file that the user names, else `FILE` in the run.

    Raises:
      InputError: no file is named, and the run is an installed model; or something else than a page is there.
    """
    if not out:
        refuse_packaged(workdir, "a file to write the report to")
    return page_to_write(Path(out) if out else workdir / FILE)


def split_to_report(splits: Mapping[str, Sequence[Sentence]], trained: Sequence[str]) -> str | None:
    """Returns test, or dev if the corpus has no test sentence; None: the network was trained on all of it."""
    return next((name for name in ("test", "dev") if splits.get(name) and name not in trained), None)


def write_report(
    path: Path,
    workdir: Path,
    split: str,
    gold: Sequence[Sentence],
    train: Sequence[Sentence] | None,
    encoder: Encoder | None = None,
    **decoding: Any,
) -> str:
    """Predicts a split with a finished run, and writes the report.

    Args:
      path: the file.
      workdir: the folder of the run.
      split: the name of the split.
      gold: its annotated sentences.
      train: the sentences that the network was trained on; None: unknown.
      encoder, decoding: as for `Extractor.as_configured`.

    Returns:
      A line for the user.

    Raises:
      InputError: the split has no sentence, nothing can be loaded, the gold has a type that the run does not
        know, or the extra `page` or `plots` is not installed.
    """
    require_report()
    if not gold:
        raise InputError(split, None, "no sentence", "annotated sentences to compare with")
    extractor, judged = judge_run(workdir, gold, encoder, **decoding)
    entry = entry_of(workdir, split, gold, extractor.system.config.decoding, extractor.epoch)
    report = _report(workdir, entry, extractor, judged, train)
    write_atomically(path, render_report(report).encode())
    return f"report of {entry.name}, epoch {extractor.epoch}: {path}"


def report_after_training(
    workdir: Path,
    splits: Mapping[str, Sequence[Sentence]],
    trained: Sequence[str],
    encoder: Encoder | None = None,
) -> str:
    """Writes the report of test into the run, or of dev if the corpus has no test sentence.

    Args:
      workdir: the folder of the run.
      splits: the sentences of each split, by name.
      trained: the names of the splits that the network was trained on.
      encoder: as for `Extractor.as_configured`.

    Returns:
      A line for the user, also if no report could be written.
    """
    split = split_to_report(splits, trained)
    if split is None:
        return "no report was written: the corpus has no sentences besides those of the training"
    if missing := missing_extras():
        return f"no report was written: it needs pip install 'cman-jax[{','.join(missing)}]'"
    train = joined(splits[name] for name in trained)
    return write_report(workdir / FILE, workdir, split, splits[split], train, encoder)


def _report(
    workdir: Path,
    entry: Entry,
    extractor: Extractor,
    judged: Judged,
    train: Sequence[Sentence] | None,
) -> Report:
    """Returns what the report shows."""
    gold, scoring, epochs = judged.answers.sentences, extractor.system.config.scoring, read_metrics(workdir)
    scores = extractor.score(gold, judged.annotations)
    return report_of(
        judged,
        scores,
        scoring,
        train,
        title=f"{workdir.resolve().name}: {entry.name}",
        about=_about(gold, extractor, epochs, setting(scores, **scoring.convention)),
        notes=_notes(workdir, entry, extractor, train),
        epochs=epochs,
        epoch=extractor.epoch,
    )


def report_of(
    judged: Judged, scores: Scores, scoring: ScoringConfig, train: Sequence[Sentence] | None, **about: Any
) -> Report:
    """Returns the report of answers that are already compared with the gold.

    Args:
      judged: the answers.
      scores: their scores.
      scoring: the convention that the report shows first.
      train: the training sentences; None: unknown.
      **about: the title, about, notes, epochs and epoch of the report.
    """
    convention, tasks = scoring.convention, scored_tasks(scores)
    found = analyse(judged, train, scoring.average)
    tables = {task: scores.table(task, match=scoring.match, other=scoring.other) for task in tasks}
    lines = {task: score_lines(table, scoring.average) for task, table in tables.items()}
    conventions = convention_lines(scores, **convention)
    gold = judged.answers.sentences
    return Report(
        headline=[(f"{tasks[task].capitalize()}, F1", *_score(found, task)) for task in tasks],
        tasks=list(tasks),
        conventions=_table("All conventions, F1", tuple(tasks.values()), conventions),
        types=[_table(tasks[task].capitalize(), COLUMNS, lines[task]) for task in tasks],
        found=found,
        slices=_slices(found, tasks),
        mistakes=[_mistakes(found, task) for task in tasks if found["confusions"][task]],
        reliability=judge_answers(judged),
        thresholds=judged.thresholds,
        worst=[record_pair(gold[i], judged.annotations[i]) for i in worst_sentences(judged.answers)],
        **about,
    )


def _score(found: Mapping[str, Any], task: Task) -> tuple[str, str]:
    """Returns the F1 of a task under the run's convention, and its interval in words."""
    measured = found["slices"]["all"]["all"][task]
    low, high = measured["interval"]
    return f"{measured['f1']:.2f}", f"95 % interval {low:.1f} to {high:.1f}"


def _about(
    gold: Sequence[Sentence],
    extractor: Extractor,
    epochs: Sequence[Mapping[str, Any]],
    convention: str,
) -> list[tuple[str, str]]:
    """Returns what was evaluated and how, by name."""
    system = extractor.system
    decoding = dataclasses.asdict(system.config.decoding)
    numbers = [sum(len(getattr(sentence, kind)) for sentence in gold) for kind in ("entities", "relations")]
    minutes = sum(row["seconds"] for row in epochs if isinstance(row.get("seconds"), int | float)) / 60
    size = sum(leaf.size for leaf in jax.tree.leaves(extractor.params))
    return [
        ("Sentences", f"{len(gold)}, with {numbers[0]} entities and {numbers[1]} relations"),
        ("Epoch", f"{extractor.epoch} of {len(epochs)}"),
        ("Training time", f"{minutes:.1f} minutes"),
        ("Network", f"{system.config.model.network}, {size:,} parameters"),
        ("Encoder", "none" if system.encoder is None else system.encoder.name),
        ("Convention", convention),
        ("Decoding", ", ".join(f"{name} {value}" for name, value in decoding.items() if value != ())),
        ("Seed", str(system.config.training.seed)),
    ]


def _notes(workdir: Path, entry: Entry, extractor: Extractor, train: Sequence[Sentence] | None) -> list[str]:
    """Returns what a reader of the report should know, one thing each."""
    contents = recorded_contents(workdir)
    notes = [] if contents is None else content_lines(contents)
    notes += [f"Not the run's own evaluation: {difference}" for difference in entry.differences]
    trained = extractor.system.config.training.trained_splits
    if entry.about["data"] in [recorded_digest(workdir, name) for name in trained]:
        notes.append("The network was trained on these sentences, so the scores say nothing about new text.")
    if train is None:
        notes.append(
            "The corpus has no training sentences, so that sentences seen in training are not told apart."
        )
    return [*notes, *extractor.notes]


def _table(caption: str, columns: Sequence[str], lines: Sequence[Line]) -> Table:
    """Returns a table of scores."""
    chosen = [row for row, line in enumerate(lines) if line.chosen]
    return Table(caption, ("", *columns), [(line.name, *line.cells) for line in lines], chosen)


def _slices(found: Mapping[str, Any], tasks: Mapping[Task, str]) -> list[Table]:
    """Returns a table for each kind of slice that is about the tasks."""
    tables = []
    for by, slices in found["slices"].items():
        if by in ("distance", "relation_type") and "re" not in tasks:
            continue
        rows = {
            name: {key: value for key, value in row.items() if key not in TASKS or key in tasks}
            for name, row in slices.items()
        }
        heading, *body = slice_rows("", rows)
        tables.append(Table(_PARTS[by], heading, body))
    return tables


def _mistakes(found: Mapping[str, Any], task: Task) -> Table:
    """Returns the most frequent kinds of errors of a task, with ids of sentences that have them."""
    heading, *rows = confusion_rows(TASKS[task], found["confusions"][task][:MISTAKES])
    return Table(f"{TASKS[task]}: the most frequent errors", heading, rows)
