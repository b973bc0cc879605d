"""Tables of an analysis, as plain text."""

from collections.abc import Mapping, Sequence
from typing import Any

from cman_jax.evaluation.report import Row, align

MOST = 8
"""Number of confusions of a task that are shown."""

_TASKS = {"ner": "NER", "re": "RE"}
_SLICES = {
    "all": "",
    "length": "sentence length, tokens",
    "distance": "entity distance, characters",
    "relation_type": "relation type",
    "train": "sentence",
}


def analysis_tables(found: Mapping[str, Any]) -> str:
    """Returns all tables, with a blank line between them.

    Args:
      found: the result of `summary.analyse`.
    """
    blocks = [align(slice_rows(_SLICES[by], rows)) for by, rows in found["slices"].items()]
    blocks += [reliability_table(found["calibration"]), curve_line(found["curve"])]
    blocks += [
        align(confusion_rows(_TASKS[task], those[:MOST])) for task, those in found["confusions"].items()
    ]
    return "\n\n".join(blocks)


def slice_rows(title: str, rows: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Returns the heading, then a row per slice: F1 in %, its interval, and the number of gold facts.

    If another system was compared, its F1 and the p-value of the difference stand between them.

    Args:
      title: the heading of the first column.
      rows: the slices as `summary.measure` returns them.
    """
    tasks = [task for task in _TASKS if any(task in row for row in rows.values())]
    compared = any("p" in row[task] for row in rows.values() for task in tasks)
    header = [title, "sentences"]
    for task in tasks:
        header += [f"{_TASKS[task]} F1", "95 %", *(("other", "p") if compared else ()), "gold"]
    body = [
        (name, str(row["sentences"]), *(cell for task in tasks for cell in _cells(row[task])))
        for name, row in rows.items()
    ]
    return [tuple(header), *body]


def _cells(measured: Mapping[str, Any]) -> Row:
    """Returns the cells of one slice and task."""
    low, high = measured["interval"]
    other = (f"{measured['other_f1']:.2f}", f"{measured['p']:.4f}") if "p" in measured else ()
    return (f"{measured['f1']:.2f}", f"{low:.1f}-{high:.1f}", *other, str(measured["tp"] + measured["fn"]))


def reliability_table(calibration: Mapping[str, Any]) -> str:
    """Returns a row for each bin of the probabilities, then the expected calibration error.

    Args:
      calibration: the entry "calibration" of `summary.analyse`.
    """
    rows = [
        (
            f"{b['low']:.1f}-{b['high']:.1f}",
            str(b["count"]),
            f"{b['mean_prob']:.4f}",
            f"{b['share_right']:.4f}",
        )
        for b in calibration["bins"]
    ]
    table = align([("relation probability", "decisions", "mean", "share right"), *rows])
    return f"{table}\nexpected calibration error {calibration['error']:.4f}"


def curve_line(curve: Mapping[str, Any]) -> str:
    """Returns the curve over the threshold in one line.

    Args:
      curve: the entry "curve" of `summary.analyse`.
    """
    best = curve["best"]
    return (
        f"RE over the threshold: average precision {curve['average_precision']:.4f}, "
        f"best micro F1 {best['f1']:.2f} at threshold {best['threshold']:.4f}"
    )


def confusion_rows(name: str, confusions: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Returns the heading, then the kinds of errors, with ids of sentences that have them.

    Args:
      name: the task, for the heading.
      confusions: kinds of errors of the task, from `summary.analyse`.
    """
    rows = [
        (
            f"{c['gold'] or '(nothing)'} -> {c['predicted'] or '(nothing)'}",
            str(c["count"]),
            ", ".join(c["examples"]),
        )
        for c in confusions
    ]
    return [(f"{name}: gold -> predicted", "errors", "sentences"), *rows]
