"""Figures 4 and 5 as JSON and as plots."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import ScoringConfig
from cman_jax.page.panels import interval_bars
from experiments.reproduction.comparison import SYSTEMS
from experiments.reproduction.published import NOTES, PUBLISHED_GAINS, TITLES
from experiments.reproduction.rows import ROWS
from experiments.reproduction.runs import Setup, runs_of, train_command
from experiments.reproduction.tables import TASKS, describe
from experiments.reproduction.training import is_finished

_SLICES = {"figure4": "distance", "figure5": "length"}
_AXES = {"figure4": "characters between two entities", "figure5": "tokens per sentence"}
_NAMES = {"ner": "NER", "re": "RE"}


def make_figure(what: str, compared: Sequence[Mapping[str, Any]], setup: Setup) -> dict[str, Any]:
    """Returns the data of a figure: panels, the paper's gains, notes, and the commands of missing runs.

    Args:
      what: "figure4" or "figure5".
      compared: the result of `compare_systems` on dev.
      setup: the setup of the reproduction.
    """
    absent = {
        row.name: [train_command(run, setup) for run in runs_of(row, setup) if not is_finished(run)]
        for row in ROWS[what]
    }
    return {
        "title": TITLES[what],
        "setting": f"{setup.corpora['conll04']}, dev; {describe(ScoringConfig())}",
        "panels": panels_of(compared, _SLICES[what]),
        "published_gains": PUBLISHED_GAINS[what],
        "notes": list(NOTES[what]),
        "missing": {name: commands for name, commands in absent.items() if commands},
    }


def panels_of(compared: Sequence[Mapping[str, Any]], by: str) -> list[dict[str, Any]]:
    """Returns one panel per input: both systems on all sentences and on the slices of one kind.

    Args:
      compared: the result of `compare_systems`.
      by: the kind of slice, such as "distance".
    """
    return [
        {"input": each["input"], "seeds": each["seeds"], "bins": each["slices"]["all"] | each["slices"][by]}
        for each in compared
    ]


def plot_figure(what: str, figure: Mapping[str, Any], folder: Path) -> str:
    """Writes a figure as PNG and SVG, with one row of panels per input.

    Args:
      what: "figure4" or "figure5"; it names the files.
      figure: the result of `make_figure`.
      folder: the folder to write to.

    Returns:
      A message for the user: the paths of the files, or why the figure was not drawn.
    """
    if not figure["panels"]:
        return f"{what} was not drawn: no seed is finished for both systems"
    if importlib.util.find_spec("matplotlib") is None:
        reason = "matplotlib is not installed; install it with pip install 'cman-jax[plots]'"
        return f"{what} was not drawn: {reason}"
    from matplotlib.figure import Figure

    rows = len(figure["panels"])
    picture = Figure(figsize=(9, 3.5 * rows + 0.5), layout="constrained")
    all_axes = picture.subplots(rows, len(TASKS), squeeze=False)
    for panel, some_axes in zip(figure["panels"], all_axes, strict=True):
        for task, axes in zip(TASKS, some_axes, strict=True):
            bins = {name: row for name, row in panel["bins"].items() if name != "all"}
            for k, system in enumerate(SYSTEMS):
                interval_bars(axes, k, system, [row[system][task] for row in bins.values()])
            axes.set_xticks(range(len(bins)), list(bins))
            axes.set(xlabel=_AXES[what], ylabel="F1, %")
            axes.set_title(f"{_NAMES[task]}\n{panel['input']}", fontsize="medium")
            axes.set_ylim(0, 100)
    picture.legend(*all_axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    picture.suptitle(figure["setting"], fontsize="small")
    for kind in ("png", "svg"):
        picture.savefig(folder / f"{what}.{kind}", dpi=150)
    return f"{folder / what}.png, .svg"
