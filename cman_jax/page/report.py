"""The report of a training on one page: curves, scores, errors, probabilities and the worst sentences.

It needs the extras `page` and `plots`. The page only shows: all numbers are those that it is called with.
"""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cman_jax.errors import missing_extra
from cman_jax.page.annotated import visible
from cman_jax.page.comparison import compare_pairs, draw_pairs
from cman_jax.page.html import asset, environment, policy
from cman_jax.page.outcomes import RULE
from cman_jax.page.panels import TASKS
from cman_jax.page.report_plots import number_of, probability_plots, slice_plots, training_plots
from cman_jax.version import __version__

NOTHING = "(nothing)"
_EXTRAS = {"page": "jinja2", "plots": "matplotlib"}
_SHADES = 5  # of the matrices; `templates/report.css` defines the classes `h0` to `h5`


class Table(NamedTuple):
    """A table of texts.

    Attributes:
      caption: what the table shows.
      columns: the heading of each column.
      rows: the cells of each row; the first cell is its heading.
      chosen: the indices of the rows that stand out.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    chosen: Sequence[int] = ()


class Report(NamedTuple):
    """Everything that a report shows. F1, precision and recall are in %, probabilities 0 to 1.

    Attributes:
      title: the title.
      headline: the main scores: each with a name, a value and a remark.
      about: what was evaluated and how, by name.
      notes: sentences that a reader should know.
      tasks: "ner" and, if the corpus has relations, "re".
      epochs: the rows of metrics.jsonl.
      epoch: the epoch that the run uses.
      conventions: F1 under every convention.
      types: scores by type, a table for each task.
      found: the result of `evaluation.analysis.summary.analyse`.
      slices: scores of parts, a table for each kind.
      mistakes: the most frequent errors, a table for each task.
      reliability: the result of `evaluation.analysis.summary.judge_answers`.
      thresholds: by relation type; relations with a probability above it are predicted.
      worst: gold and predicted record of the sentences with the most errors, the worst first.
    """

    title: str
    headline: Sequence[tuple[str, str, str]]
    about: Sequence[tuple[str, str]]
    notes: Sequence[str]
    tasks: Sequence[str]
    epochs: Sequence[Mapping[str, Any]]
    epoch: int
    conventions: Table
    types: Sequence[Table]
    found: Mapping[str, Any]
    slices: Sequence[Table]
    mistakes: Sequence[Table]
    reliability: Mapping[str, Any]
    thresholds: Mapping[str, float]
    worst: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]


class Cell(NamedTuple):
    """A cell of a matrix. Attributes: count: a number of facts; shade: 0 to 5; right: whether types agree."""

    count: int
    shade: int
    right: bool


class Matrix(NamedTuple):
    """Which types are predicted where the gold has which.

    Attributes:
      task: the name of the task.
      columns: the predicted types.
      rows: each type in the gold, with its cells.
    """

    task: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell]]]


def missing_extras() -> list[str]:
    """Returns the extras that a report needs and that are not installed."""
    return [extra for extra, module in _EXTRAS.items() if importlib.util.find_spec(module) is None]


def require_report() -> None:
    """Raises an InputError if an extra that a report needs is not installed."""
    if missing := missing_extras():
        raise missing_extra("the report", "no Jinja2 or no Matplotlib", ",".join(missing))


def render_report(report: Report) -> str:
    """Returns the page.

    Args:
      report: what the page shows.

    Raises:
      InputError: a record has another form than `annotated.read_record` takes, or an extra is missing.
    """
    require_report()
    css = asset("drawing.css") + asset("page.css") + asset("report.css")
    script = asset("common.js")
    _, sentences = draw_pairs(compare_pairs(report.worst))
    template = environment().get_template("report.html")
    return template.render(
        report=report,
        title=visible(report.title),
        version=__version__,
        policy=policy(css, script),
        css=css,
        script=script,
        curves=training_plots(report.tasks, report.epochs, report.epoch),
        epochs=_epoch_table(report.tasks, report.epochs),
        matrices=[_matrix(report.found, task) for task in report.tasks],
        probabilities=probability_plots(report.tasks, report.reliability, report.found, report.thresholds),
        parts=slice_plots(report.tasks, report.found["slices"]),
        sentences=sentences,
        rule=RULE,
        visible=visible,
    )


def _epoch_table(tasks: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the numbers of all epochs about the tasks."""
    keys = {
        "entity loss": "ner_loss",
        "relation loss": "relation_loss",
        "adversarial loss": "adversarial_loss",
        "NER on dev": ("dev", "ner"),
        "RE on dev": ("dev", "re"),
        "seconds": "seconds",
    }
    if "re" not in tasks:
        del keys["relation loss"], keys["RE on dev"]
    cells = [
        (str(row["epoch"]), *(f"{number_of(row, key):.2f}".replace("nan", "–") for key in keys.values()))
        for row in rows
    ]
    return Table("All epochs", ("epoch", *keys), cells)


def _matrix(found: Mapping[str, Any], task: str) -> Matrix:
    """Returns the matrix of a task; the last row has what is invented, the last column what is missed."""
    counts = {(name, name): count for name, count in found["agreements"][task].items()}
    for mistake in found["confusions"][task]:
        counts[mistake["gold"] or NOTHING, mistake["predicted"] or NOTHING] = mistake["count"]
    types = sorted({name for pair in counts for name in pair} - {NOTHING})
    names = [*types, NOTHING]
    rows = []
    for gold in names:
        line = [counts.get((gold, predicted), 0) for predicted in names]
        total = max(sum(line), 1)
        shades = (math.ceil(_SHADES * count / total) for count in line)
        cells = [
            Cell(count, shade, gold == predicted)
            for count, shade, predicted in zip(line, shades, names, strict=True)
        ]
        rows.append((gold, cells))
    return Matrix(TASKS[task], names, rows)
