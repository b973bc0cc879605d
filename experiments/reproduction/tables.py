"""Tables 1 to 4 from the scores of finished runs, ready for JSON."""

import itertools
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cman_jax.config import ScoringConfig
from cman_jax.errors import InputError
from cman_jax.run.manifest import read_updated_json
from experiments.reproduction.gold_labels import GOLD_LABELS
from experiments.reproduction.published import NOTES, PUBLISHED, TITLES
from experiments.reproduction.rows import INPUTS, ROWS, Row
from experiments.reproduction.runs import Run, Setup, gold_labels_command, runs_of, train_command
from experiments.reproduction.training import has_scores, is_finished

TASKS = ("ner", "re")


class Line(NamedTuple):
    """One line of a table: an entry of scores.json of a row's runs."""

    label: str
    row: Row
    entry: str = "test"


def make_table(what: str, setup: Setup) -> dict[str, Any]:
    """Makes a table: published numbers, ours, their difference, and the commands of missing runs.

    Raises:
      InputError: a run has other settings or damaged scores; in Table 3, labels changed a run's NER.
    """
    lines = lines_of(what)
    runs = {line.row.name: runs_of(line.row, setup) for line in lines}
    rows, missing = [], dict[str, list[str]]()
    for label, published, line in _in_order(lines, PUBLISHED[what]):
        row: dict[str, Any] = {"label": label, "published": published}
        if line is not None:
            there = [run for run in runs[line.row.name] if is_finished(run) and has_scores(run, line.entry)]
            row |= measured(line, there, published)
            if absent := [run for run in runs[line.row.name] if run not in there]:
                commands = missing.setdefault(line.row.name, [])
                commands += [c for c in _commands(line, absent, setup) if c not in commands]
        rows.append(row)
    if what == "table3":
        for run in itertools.chain.from_iterable(runs.values()):
            check_ner(run)
    first = runs[lines[0].row.name][0]
    setting = f"{first.data.parent if first.row.corpus == 'ade' else first.data}, test; "
    setting += describe(first.config.scoring)
    notes = list(NOTES[what])
    return {"title": TITLES[what], "setting": setting, "rows": rows, "notes": notes, "missing": missing}


def lines_of(what: str) -> list[Line]:
    """Returns our lines, unordered; Table 3 shows each row twice."""
    if what == "table3":
        sources = {"Predicted label": "test", "Golden label": GOLD_LABELS}
        return [Line(label, row, entry) for label, entry in sources.items() for row in ROWS[what]]
    return [Line(row.label, row) for row in ROWS[what]]


def _in_order(
    lines: Sequence[Line], published: Mapping[str, tuple[float, float]]
) -> Iterator[tuple[str, tuple[float, float] | None, Line | None]]:
    """Yields the paper's lines in order, each with all of our lines of that label; then our other lines."""
    for label, numbers in published.items():
        for line in [line for line in lines if line.label == label] or [None]:
            yield label, numbers, line
    for line in lines:
        if line.label not in published:
            yield line.label, None, line


def measured(line: Line, runs: Sequence[Run], published: tuple[float, float] | None) -> dict[str, Any]:
    """Returns our side of a line: means over finished runs, under the run's own convention and all others."""
    about: dict[str, Any] = {"row": line.row.name, "about": describe_row(line.row, runs)}
    if not runs:
        return about
    scores = [_scores(run, line.entry) for run in runs]
    scoring = runs[0].config.scoring
    ours = {task: summary([f1_of(s, task, scoring) for s in scores]) for task in TASKS}
    if published is not None:
        about["difference"] = {
            task: ours[task]["mean"] - number for task, number in zip(TASKS, published, strict=True)
        }
    return {
        **about,
        "epochs": [s["epoch"] for s in scores],
        "ours": ours,
        "conventions": {
            describe(convention): {t: summary([f1_of(s, t, convention) for s in scores]) for t in TASKS}
            for convention in _every_convention(scoring)
        },
    }


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Returns the mean, the sample standard deviation (None for a single value), and the values."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": deviation, "values": list(values)}


def f1_of(scores: Mapping[str, Any], task: str, scoring: ScoringConfig) -> float:
    """Returns one F1 in % from a split's entry of scores.json."""
    other = "with_other" if scoring.other else "without_other"
    return scores[task][scoring.match][other][scoring.average]["f1"]


def _scores(run: Run, entry: str) -> dict[str, Any]:
    path = run.workdir / "scores.json"
    scores = read_updated_json(path)[entry]
    try:
        for task in TASKS:
            f1_of(scores, task, run.config.scoring)
    except (KeyError, TypeError):
        raise InputError(path, None, f"an entry {entry} without F1", "scores as `evaluate` wrote") from None
    return scores


def check_ner(run: Run) -> None:
    """Checks that NER with gold labels equals NER with predicted labels, count by count.

    Raises:
      InputError: they differ.
    """
    path = run.workdir / "scores.json"
    scores = read_updated_json(path)
    if GOLD_LABELS in scores and scores[GOLD_LABELS]["ner"] != scores["test"]["ner"]:
        raise InputError(
            path, None, "NER that differs between label sources", "equal NER: it reads no labels"
        )


def describe(scoring: ScoringConfig) -> str:
    """Returns the convention in words."""
    other = "with Other" if scoring.other else "without Other"
    overlap = ", overlaps dropped by SpERT's rule" if scoring.overlap == "drop" else ""
    return f"{scoring.match}, {scoring.average}, {other}{overlap}"


def _every_convention(scoring: ScoringConfig) -> Iterator[ScoringConfig]:
    for other, match, average in itertools.product(
        (True, False), ("strict", "boundaries"), ("micro", "macro")
    ):
        yield ScoringConfig(match, average, other, scoring.overlap)


def describe_row(row: Row, runs: Sequence[Run]) -> str:
    """Describes a row: input, protocol, runs and number of epochs."""
    parts = [INPUTS[row.input]]
    parts.append("(ii) train+dev" if row.overrides.get("training.protocol") == "train+dev" else "(i) dev")
    if runs:
        names = ", ".join(str(run.index) for run in runs)
        parts.append(f"{'folds' if row.corpus == 'ade' else 'seeds'} {names}")
        parts.append(f"{runs[0].config.training.num_epochs} epochs")
    return "; ".join(parts)


def _commands(line: Line, runs: Sequence[Run], setup: Setup) -> list[str]:
    """Returns the commands that give a line its numbers: training, or scoring with gold labels."""
    return [
        gold_labels_command(run, setup)
        if is_finished(run) and line.entry == GOLD_LABELS
        else train_command(run, setup)
        for run in runs
    ]
