"""The plots of an analysis: Figures 4 and 5 with intervals, reliability, and precision by recall."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def plot_analysis(found: Mapping[str, Any], path: Path) -> str:
    """Writes four panels as a PNG file.

    Args:
      found: the result of `analyse`.
      path: the file to write.

    Returns:
      A message for the user: the plot's path, or why no plot was drawn.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return "no plot was drawn: matplotlib is not installed; install it with pip install 'cman-jax[plots]'"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    (length, distance), (reliable, curve) = figure.subplots(2, 2)
    _bars(length, found["slices"]["length"], "tokens per sentence")
    _bars(distance, found["slices"]["distance"], "characters between two entities")
    bins = [b for b in found["calibration"]["bins"] if b["count"]]
    reliable.plot([0, 1], [0, 1], color="0.7")
    reliable.plot([b["mean_prob"] for b in bins], [b["share_right"] for b in bins], marker="o")
    for b in bins:
        reliable.annotate(str(b["count"]), (b["mean_prob"], b["share_right"]), fontsize="small")
    reliable.set(xlabel="mean predicted probability of relations", ylabel="share of correct relations")
    points = found["curve"]["points"]
    curve.plot([p["recall"] for p in points], [p["precision"] for p in points])
    title = f"average precision {found['curve']['average_precision']:.3f}"
    curve.set(xlabel="recall of relations", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=title)
    figure.savefig(path, dpi=150)
    return f"plot: {path}"


def interval_bars(axes: Any, k: int, label: str, measured: Sequence[Mapping[str, Any]]) -> list[float]:
    """Draws one of two bars per slice: F1 with its interval.

    Args:
      axes: the Matplotlib axes.
      k: 0 for the left bars, 1 for the right bars.
      label: the label of the bars in the legend.
      measured: the F1 and the interval of each slice, in %.

    Returns:
      The horizontal positions of the bars.
    """
    places = [i + 0.4 * k - 0.2 for i in range(len(measured))]
    # With few sentences the interval may not contain the score; an error bar must.
    below = [max(each["f1"] - each["interval"][0], 0) for each in measured]
    above = [max(each["interval"][1] - each["f1"], 0) for each in measured]
    heights = [each["f1"] for each in measured]
    axes.bar(places, heights, width=0.4, yerr=[below, above], capsize=3, label=label, alpha=0.7)
    return places


def _bars(axes: Any, rows: Mapping[str, Mapping[str, Any]], what: str) -> None:
    """Draws F1 of both tasks with intervals; crosses show the other system's F1."""
    for k, (task, name) in enumerate((("ner", "NER"), ("re", "RE"))):
        values = [row[task] for row in rows.values()]
        places = interval_bars(axes, k, name, values)
        if all("other_f1" in v for v in values):
            axes.plot(places, [v["other_f1"] for v in values], "kx", label=f"{name}, the other system")
    axes.set_xticks(range(len(rows)), list(rows))
    axes.set(xlabel=what, ylabel="F1, %", ylim=(0, 100))
    axes.legend()
