"""A plot of step times by sentence length, with one line per framework and batch size."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def plot_steps(rows: Sequence[Mapping[str, Any]], what: str, path: Path) -> str:
    """Writes a plot with logarithmic axes as a PNG file.

    Args:
      rows: the rows of `measures.step_times` without the ceiling.
      what: the measure, such as "train_step"; it names the vertical axis.
      path: the file to write.

    Returns:
      A message for the user: the plot's path, or why no plot was drawn.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return "no plot was drawn: matplotlib is not installed; install it with pip install 'cman-jax[plots]'"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    sizes = sorted({row["batch_size"] for row in rows})
    for k, name in enumerate(rows[0]["frameworks"]):
        for size, style in zip(sizes, ("-", "--", ":", "-.") * len(sizes), strict=False):
            points = [(r["length"], r["frameworks"][name]) for r in rows if r["batch_size"] == size]
            lengths, results = zip(*points, strict=True)
            medians = [1e3 * result["median"] for result in results]
            spread = [[1e3 * abs(r["median"] - r[end]) for r in results] for end in ("min", "max")]
            line = {"color": f"C{k}", "linestyle": style, "marker": "o", "capsize": 2}
            axes.errorbar(lengths, medians, yerr=spread, label=f"{name}, B = {size}", **line)
    axes.set(xscale="log", yscale="log", xlabel="tokens per sentence, n", ylabel=f"{what}, ms")
    ticks = sorted({row["length"] for row in rows})
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.minorticks_off()
    axes.legend()
    figure.savefig(path, dpi=150)
    return f"plot: {path}"
