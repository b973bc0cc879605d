"""Every table and figure of the paper: trains what is missing, then writes published, ours and difference.

    python -m experiments.reproduce --what=all --budget=quick --workdir=runs/reproduction
    python -m experiments.reproduce --what=table1,table4 --budget=full --workdir=runs/reproduction \\
        --data=data/conll04 --vectors=vectors.txt.gz --encoder=minilm

Runs stand in WORKDIR/runs/BUDGET/ROW/seed_K (of ADE: fold_K); a finished one is not touched again, an
interrupted one goes on. WORKDIR/BUDGET gets reproduction.md and .json and a PNG and an SVG of each figure;
tables that are not asked for stay there as they are. What was not run is blank, its command listed below.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from absl import flags

from cman_jax.data.corpus import load_splits, write_atomically
from cman_jax.data.features import FeatureSource
from cman_jax.system import read_json, write_json
from cman_jax.types import Sentence
from experiments.benchmarking.settings import choices
from experiments.cli import run_main
from experiments.encoders import features_for_training
from experiments.reproduction.comparison import compare_systems
from experiments.reproduction.corpora import write_quick
from experiments.reproduction.figures import make_figure, panels_of, plot_figure
from experiments.reproduction.markdown import render
from experiments.reproduction.rows import ROWS, Row, rows_for
from experiments.reproduction.runs import BUDGETS, Run, Setup, runs_of
from experiments.reproduction.tables import make_table
from experiments.reproduction.training import is_finished, score_gold_labels, train_missing
from experiments.runtime import start_jax

_WHAT = flags.DEFINE_list("what", ["all"], f"Some of {', '.join(ROWS)}; or all.")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder for all runs and what is made of them.", required=True
)
_BUDGET = flags.DEFINE_enum(
    "budget", "full", list(BUDGETS), "; ".join(f"{k}: {v}" for k, v in BUDGETS.items())
)
_SEEDS = flags.DEFINE_integer("seeds", None, "Runs of each row; default: 5, quick: 1.", lower_bound=1)
_DATA = flags.DEFINE_string("data", None, "CoNLL04 (default: data/conll04; quick: a generated corpus).")
_ADE = flags.DEFINE_string("ade", None, "ADE's folder of folds (default: data/ade; quick: generated).")
_VECTORS = flags.DEFINE_string("vectors", None, "Word vectors, as for experiments.train.")
_ENCODER = flags.DEFINE_enum(
    "encoder", None, ["elmo", "minilm"], "Train the rows with contextual features too, of this encoder."
)
_TRAIN = flags.DEFINE_bool("train", True, "Train what is missing; without, only what is there is shown.")
_ROWS = flags.DEFINE_list("rows", None, "Train only these rows, by the names of their folders.")


def main(argv: Sequence[str]) -> None:
    """Trains and writes as the flags say."""
    del argv
    start_jax()
    whats = list(ROWS) if _WHAT.value == ["all"] else choices("what", _WHAT.value, tuple(ROWS))
    setup, features = _prepare(whats)
    if _TRAIN.value:
        train_missing(_runs_to_train(whats, setup), setup.vectors, features)
    if "table3" in whats:
        for run in _finished(ROWS["table3"], setup, features):
            score_gold_labels(run, features)
    for line in write_down(whats, setup, features):
        print(line)


def _prepare(whats: Sequence[str]) -> tuple[Setup, FeatureSource | None]:
    """Corpora and features, before anything is trained."""
    workdir, budget = Path(_WORKDIR.value), _BUDGET.value
    data, ade = (Path(flag.value) if flag.value else None for flag in (_DATA, _ADE))
    if budget == "quick":
        corpora = write_quick(data, ade, workdir / "data" / "quick")
    else:
        corpora = {"conll04": data or Path("data/conll04"), "ade": ade or Path("data/ade")}
    vectors = Path(_VECTORS.value) if _VECTORS.value else None
    setup = Setup(workdir, budget, _SEEDS.value or (1 if budget == "quick" else 5), corpora, vectors)
    asked = _ENCODER.value or flags.FLAGS.features
    features = features_for_training(_ENCODER.value, _sentences(whats, setup) if asked else [], workdir)
    return setup._replace(features=None if features is None else features.path), features


def _sentences(whats: Sequence[str], setup: Setup) -> list[Sentence]:
    """All that rows with contextual features read."""
    rows = (row for what in whats for row in ROWS[what] if row.features)
    folders = sorted({run.data for row in rows for run in runs_of(row, setup)})
    return [s for folder in folders for sentences in load_splits(folder).values() for s in sentences]


def _runs_to_train(whats: Sequence[str], setup: Setup) -> list[Run]:
    """All that are wanted, a seed of every row before the next, so that an early end leaves whole tables."""
    rows = rows_for(whats, with_features=setup.features is not None)
    if _ROWS.value is not None:
        names = choices("rows", _ROWS.value, [row.name for row in rows])
        rows = [row for row in rows if row.name in names]
    return sorted((run for row in rows for run in runs_of(row, setup)), key=lambda run: run.index)


def _finished(rows: Iterable[Row], setup: Setup, features: FeatureSource | None) -> list[Run]:
    """The rows' finished runs whose features are at hand."""
    runs = (run for row in rows if features is not None or not row.features for run in runs_of(row, setup))
    return [run for run in runs if is_finished(run)]


def write_down(whats: Sequence[str], setup: Setup, features: FeatureSource | None) -> list[str]:
    """Makes those tables and figures anew, and all files. Returns what to tell the user."""
    out = setup.workdir / setup.budget
    document = read_json(out / "reproduction.json")
    document |= {"budget": setup.budget, "about": BUDGETS[setup.budget]}
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


if __name__ == "__main__":
    run_main(main)
