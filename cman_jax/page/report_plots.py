"""The plots of a training report, each with a caption that has its numbers in words."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from cman_jax.page import panels
from cman_jax.page.svg import inline_svg


class Plot(NamedTuple):
    """A plot with its caption. Attributes: svg: an SVG element; caption: a sentence."""

    svg: Any
    caption: str


def training_plots(tasks: Sequence[str], epochs: Sequence[Mapping[str, Any]], chosen: int) -> list[Plot]:
    """Returns the plots of the losses and of the scores on dev; a plot without any number is left out.

    Args:
      tasks: "ner" and, if the corpus has relations, "re".
      epochs: the rows of metrics.jsonl; any number may be missing.
      chosen: the epoch that the run uses.
    """
    losses = {"entities": "ner_loss", "relations": "relation_loss", "adversarial": "adversarial_loss"}
    dev = {panels.TASKS[task]: ("dev", task) for task in tasks}
    if "re" in tasks:
        dev["mean"] = "selection"
    else:
        del losses["relations"]
    numbers, plots = [int(row["epoch"]) for row in epochs], []
    for name, keys, what, caption in (
        ("losses", losses, "loss, nats per sentence", "Mean losses on the training sentences, by epoch."),
        ("dev", dev, "F1 on dev, %", "F1 on dev under the run's convention, by epoch."),
    ):
        log = name == "losses"
        lines = {label: [number_of(row, key) for row in epochs] for label, key in keys.items()}
        # A loss that is always 0 is not computed; a score may be.
        least = math.ulp(0) if log else 0
        lines = {label: values for label, values in lines.items() if any(v >= least for v in values)}
        if lines:
            last = "; ".join(f"{label} {values[-1]:.4g}" for label, values in lines.items())
            options = {"epochs": numbers, "lines": lines, "chosen": chosen, "what": what, "log": log}
            words = f"{caption} After the last epoch: {last}."
            plots.append(Plot(inline_svg(partial(panels.draw_epochs, **options), name, words), caption))
    return plots


def number_of(row: Mapping[str, Any], key: str | tuple[str, str]) -> float:
    """Returns a number of an epoch; NaN if it has none.

    Args:
      row: a row of metrics.jsonl.
      key: the name of the number, or the names that lead to it.
    """
    value: Any = row
    for name in (key,) if isinstance(key, str) else key:
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) else math.nan


def probability_plots(
    tasks: Sequence[str],
    reliability: Mapping[str, Any],
    found: Mapping[str, Any],
    thresholds: Mapping[str, float],
) -> list[Plot]:
    """Returns the reliability of each task, and precision over recall of relations.

    Args:
      tasks: as for `training_plots`.
      reliability: the result of `evaluation.analysis.summary.judge_answers`.
      found: the result of `evaluation.analysis.summary.analyse`.
      thresholds: the run's threshold of each relation type.
    """
    plots = []
    for task in tasks:
        what, judged = {"ner": "entities", "re": "triples"}[task], reliability[task]
        count = sum(b["count"] for b in judged["bins"])
        caption = (
            f"Probabilities of {count} predicted {what}: expected calibration error {judged['error']:.4f} in "
            "15 bins of equal mass. The numbers count the predictions of each point; on the diagonal, "
            "probabilities are right."
        )
        draw = partial(panels.draw_reliability, bins=judged["bins"], what=f"mean probability of {what}")
        plots.append(Plot(inline_svg(draw, f"reliability-{task}", caption, (4.0, 3.3)), caption))
    if "re" in tasks:
        curve, all_ = found["curve"], found["slices"]["all"]["all"]["re"]
        used = (all_["recall"] / 100, all_["precision"] / 100)
        caption = (
            f"Relations above a falling threshold: average precision {curve['average_precision']:.4f}. "
            f"With the run's {_in_words(thresholds)}, precision is {100 * used[1]:.2f} and recall "
            f"{100 * used[0]:.2f}. The highest micro F1 on these sentences is {curve['best']['f1']:.2f}, at "
            f"{curve['best']['threshold']:.4f}; choose a threshold on dev, not on test."
        )
        draw = partial(panels.draw_precision_recall, curve=curve, used=used)
        plots.append(Plot(inline_svg(draw, "precision-recall", caption, (4.0, 3.3)), caption))
    return plots


def _in_words(thresholds: Mapping[str, float]) -> str:
    """Returns the threshold of all types, or that of each."""
    if len(set(thresholds.values())) == 1:
        return f"threshold {next(iter(thresholds.values())):g}"
    return "thresholds " + ", ".join(f"{value:g} of {name}" for name, value in thresholds.items())


def slice_plots(tasks: Sequence[str], slices: Mapping[str, Any]) -> list[Plot]:
    """Returns F1 by sentence length and, with relations, by entity distance.

    Args:
      tasks: as for `training_plots`.
      slices: the result of `evaluation.analysis.summary.measure`.
    """
    kinds = {"length": "tokens per sentence", "distance": "characters between two entities"}
    if "re" not in tasks:
        del kinds["distance"]
    plots = []
    for kind, what in kinds.items():
        rows = {name: {task: row[task] for task in tasks} for name, row in slices[kind].items()}
        caption = f"F1 by {what}, with 95 % bootstrap intervals."
        words = "; ".join(
            f"{name}: {panels.TASKS[task]} {row[task]['f1']:.2f}"
            for name, row in rows.items()
            for task in tasks
        )
        draw = partial(panels.draw_slices, rows=rows, what=what)
        plots.append(Plot(inline_svg(draw, kind, f"{caption} {words}."), caption))
    return plots
