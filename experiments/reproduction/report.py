"""The files of a reproduction: all tables and figures as JSON and Markdown, and the figures' pictures."""

from collections.abc import Sequence

from cman_jax.encoders.encoder import Encoder
from cman_jax.files import read_json, write_atomically, write_json
from experiments.reproduction.comparison import compare_systems
from experiments.reproduction.figures import make_figure, panels_of, plot_figure
from experiments.reproduction.markdown import render
from experiments.reproduction.rows import ROWS
from experiments.reproduction.runs import BUDGETS, Setup, runs_of
from experiments.reproduction.tables import make_table
from experiments.reproduction.training import is_finished, score_gold_labels


def write_down(whats: Sequence[str], setup: Setup, features: Encoder | None) -> list[str]:
    """Makes those tables and figures of the finished runs, beside what is there of others, and all files.

    Predicts what no training has left: Table 3's gold labels, and what Table 1 and the figures compare.

    Args:
      features: without them, nothing is predicted by the runs that read any.

    Returns:
      What to tell the user.

    Raises:
      InputError: a run has other settings, or a file of it is damaged.
    """
    out = setup.workdir / setup.budget
    document = read_json(out / "reproduction.json")
    document |= {"budget": setup.budget, "about": BUDGETS[setup.budget]}
    if "table3" in whats:
        _score_gold_labels(setup, features)
    figures = [what for what in whats if what.startswith("figure")]
    on_dev = compare_systems("dev", setup, features) if figures else []
    for what in whats:
        document[what] = make_figure(what, on_dev, setup) if what in figures else make_table(what, setup)
    if "table1" in whats:
        on_test = compare_systems("test", setup, features)
        document["table1"]["comparison"] = panels_of(on_test, "train")
    write_json(out / "reproduction.json", document)
    write_atomically(out / "reproduction.md", render(document).encode())
    drawn = [plot_figure(what, document[what], out) for what in figures]
    return [*drawn, f"{out / 'reproduction'}.md, .json"]


def _score_gold_labels(setup: Setup, features: Encoder | None) -> None:
    for row in ROWS["table3"]:
        if features is not None or not row.features:
            for run in filter(is_finished, runs_of(row, setup)):
                score_gold_labels(run, features)
