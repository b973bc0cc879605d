"""The plots of an analysis: Figures 4 and 5 with intervals, reliability, and precision by recall."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cman_jax.page.panels import draw_precision_recall, draw_reliability, draw_slices


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
    draw_slices(length, found["slices"]["length"], "tokens per sentence")
    draw_slices(distance, found["slices"]["distance"], "characters between two entities")
    draw_reliability(reliable, found["calibration"]["bins"], "mean predicted probability of relations")
    draw_precision_recall(curve, found["curve"])
    figure.savefig(path, dpi=150)
    return f"plot: {path}"
