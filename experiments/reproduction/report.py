"""The files of a reproduction: all tables and figures as JSON and Markdown, and the figures' plots."""

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
    """Writes the report with new data for some tables and figures, from the finished runs.

    The report keeps the earlier data of all other tables and figures. Predictions that training does not
    store are made here: with gold labels for Table 3, and for the comparisons in Table 1 and the figures.

    Args:
      whats: the tables and figures to compute again, such as "table1" or "figure4".
      setup: the setup of the reproduction.
      features: the contextual features; None: runs with contextual features make no predictions here.

    Returns:
      Messages for the user, one per file.

    Raises:
      InputError: the settings of a run differ from its row's, or a file of a run is damaged.
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
    messages = [plot_figure(what, document[what], out) for what in figures]
    return [*messages, f"{out / 'reproduction'}.md, .json"]


def _score_gold_labels(setup: Setup, features: Encoder | None) -> None:
    """Scores the finished runs of Table 3 with gold labels."""
    for row in ROWS["table3"]:
        if features is not None or not row.features:
            for run in filter(is_finished, runs_of(row, setup)):
                score_gold_labels(run, features)
