"""The panels of plots: curves by epoch, F1 by slice, reliability, and precision by recall.

Each function draws into the axes that it is called with, so that the same panels serve PNG files and pages.
No panel shows a text of the user, because Matplotlib reads some characters as formulas.
"""

from collections.abc import Mapping, Sequence
from typing import Any

TASKS = {"ner": "NER", "re": "RE"}
"""The names of the tasks in legends."""

_LINES = ({"marker": "o"}, {"marker": "s", "linestyle": "--"}, {"marker": "^", "linestyle": ":"})
"""How the lines of a panel differ besides their colour."""


def draw_epochs(
    axes: Any,
    epochs: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    chosen: int,
    what: str,
    log: bool = False,
) -> None:
    """Draws values after each epoch, and a dashed line at the epoch that the run uses.

    Args:
      axes: the Matplotlib axes.
      epochs: the numbers of the epochs.
      lines: the values of each line, by its label; NaN leaves a gap.
      chosen: the epoch that the run uses.
      what: the label of the vertical axis.
      log: whether the vertical axis is logarithmic; then, all values are above 0.
    """
    for look, (label, values) in zip(_LINES, lines.items(), strict=False):
        axes.plot(epochs, values, label=label, markersize=3, linewidth=1.3, **look)
    axes.axvline(chosen, color="black", linestyle=(0, (1, 2)), linewidth=1)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel=f"epoch; the run uses epoch {chosen}", ylabel=what)
    _legend(axes)


def draw_slices(axes: Any, rows: Mapping[str, Mapping[str, Any]], what: str) -> None:
    """Draws F1 of the tasks with intervals; crosses show the other system's F1 if one was compared.

    Args:
      axes: the Matplotlib axes.
      rows: the slices as `evaluation.analysis.summary.measure` returns them.
      what: the label of the horizontal axis.
    """
    tasks = [task for task in TASKS if any(task in row for row in rows.values())]
    for k, task in enumerate(tasks):
        values = [row[task] for row in rows.values()]
        places = interval_bars(axes, k, TASKS[task], values, len(tasks))
        if all("other_f1" in v for v in values):
            axes.plot(places, [v["other_f1"] for v in values], "kx", label=f"{TASKS[task]}, the other system")
    axes.set_xticks(range(len(rows)), list(rows))
    axes.grid(visible=False, axis="x")
    axes.set(xlabel=what, ylabel="F1, %", ylim=(0, 100))
    _legend(axes)


def interval_bars(
    axes: Any, k: int, label: str, measured: Sequence[Mapping[str, Any]], count: int = 2
) -> list[float]:
    """Draws one of the bars of each slice: F1 with its interval.

    Args:
      axes: the Matplotlib axes.
      k: 0 for the left bars, 1 for the next ones.
      label: the label of the bars in the legend.
      measured: the F1 and the interval of each slice, in %.
      count: number of bars of a slice.

    Returns:
      The horizontal positions of the bars.
    """
    places = [i + 0.4 * k - 0.2 * (count - 1) for i in range(len(measured))]
    # With few sentences the interval may not contain the score; an error bar must.
    below = [max(each["f1"] - each["interval"][0], 0) for each in measured]
    above = [max(each["interval"][1] - each["f1"], 0) for each in measured]
    heights = [each["f1"] for each in measured]
    axes.bar(places, heights, width=0.4, yerr=[below, above], capsize=3, label=label, alpha=0.7)
    return places


def draw_reliability(axes: Any, bins: Sequence[Mapping[str, Any]], what: str) -> None:
    """Draws the share of right decisions over their mean probability, with the size of each bin.

    Args:
      axes: the Matplotlib axes.
      bins: the bins, as dictionaries of `evaluation.analysis.calibration.Bin`.
      what: the label of the horizontal axis.
    """
    filled = [b for b in bins if b["count"]]
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
    axes.plot([b["mean_prob"] for b in filled], [b["share_right"] for b in filled], "o-", markersize=4)
    for b in filled:
        left = b["mean_prob"] > 0.5
        axes.annotate(
            str(b["count"]),
            (b["mean_prob"], b["share_right"]),
            (-5 if left else 5, 4 if left or b["share_right"] < 0.1 else -9),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize="small",
        )
    axes.set(xlabel=what, ylabel="share right", xlim=(0, 1.02), ylim=(0, 1.02))


def draw_precision_recall(
    axes: Any, curve: Mapping[str, Any], used: tuple[float, float] | None = None
) -> None:
    """Draws precision over recall when the threshold falls.

    Args:
      axes: the Matplotlib axes.
      curve: the entry "curve" of `evaluation.analysis.summary.analyse`.
      used: recall and precision at the run's threshold, 0 to 1; None: the point is not drawn.
    """
    points = curve["points"]
    axes.plot([p["recall"] for p in points], [p["precision"] for p in points], linewidth=1.3)
    if used is not None:
        axes.plot(*used, "D", markersize=6, label="the run's threshold")
        _legend(axes)
    what = f"recall of relations; average precision {curve['average_precision']:.3f}"
    axes.set(xlabel=what, ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))


def _legend(axes: Any) -> None:
    """Places the legend above the panel, where it hides nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
