"""Every table and figure of the paper: trains what is missing, then writes published, ours and difference.

    python -m experiments.reproduce --what=all --budget=quick --workdir=runs/reproduction
    python -m experiments.reproduce --what=table1,table4 --budget=full --workdir=runs/reproduction \\
        --data=data/conll04 --vectors=vectors.txt.gz --encoder=minilm

Runs stand in WORKDIR/runs/BUDGET/ROW/seed_K (of ADE: fold_K); a finished one is not touched again, an
interrupted one goes on. WORKDIR/BUDGET gets reproduction.md and .json and a PNG and an SVG of each figure;
tables that are not asked for stay there as they are. What was not run is blank, its command listed below.
"""

from collections.abc import Sequence
from pathlib import Path

import jax
from absl import flags

from cman_jax.app.encoder_flags import encoder_name, features_for_training, wants_features
from cman_jax.app.flags import refuse_unread
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.data.corpus import load_splits
from cman_jax.encoders.store.source import FeatureSource
from cman_jax.types import Sentence
from experiments.benchmarking.settings import choices
from experiments.reproduction.corpora import write_quick
from experiments.reproduction.report import write_down
from experiments.reproduction.rows import INPUTS, ROWS, rows_for
from experiments.reproduction.runs import BUDGETS, Run, Setup, runs_of
from experiments.reproduction.training import is_finished, train_missing

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
_TRAIN = flags.DEFINE_bool("train", True, "Train what is missing; without, only what is there is shown.")
_POPULATION = flags.DEFINE_integer(
    "population", 1, "Seeds or folds of a row that are trained as one program.", lower_bound=1
)
_INPUTS = flags.DEFINE_list(
    "inputs",
    [],
    f"Train only rows with these inputs, any of {', '.join(INPUTS)}; by default features if there are any, "
    "or else words, which Tables 1 and 2 always have. layers trains all layers of --encoder.",
)
_ROWS = flags.DEFINE_list("rows", None, "Train only these rows, by the names of their folders.")


def main(argv: Sequence[str]) -> None:
    """Trains and writes as the flags say."""
    del argv
    start_jax()
    whats = list(ROWS) if _WHAT.value == ["all"] else choices("what", _WHAT.value, tuple(ROWS))
    inputs = choices("inputs", _INPUTS.value, tuple(INPUTS)) if _INPUTS.value else ()
    _refuse_unread(whats)
    setup, features = _prepare(whats, inputs)
    if _TRAIN.value:
        runs = _runs_to_train(whats, inputs, setup)
        devices = jax.local_device_count()
        train_missing(runs, setup.vectors, features, setup.encoder, _POPULATION.value, devices)
    for line in write_down(whats, setup, features):
        print(line)


def _refuse_unread(whats: Sequence[str]) -> None:
    """Refuses flags that none of the tables and figures reads."""
    if not _TRAIN.value:
        refuse_unread(["population", "rows", "inputs"], "no --notrain: all are of training")
    corpora = {row.corpus for what in whats for row in ROWS[what]}
    if "conll04" not in corpora:
        refuse_unread(["seeds"], "--what with more than ADE, which has folds in place of seeds")
    for corpus, flag in (("conll04", "data"), ("ade", "ade")):
        if corpus not in corpora and _BUDGET.value != "quick":  # which writes both
            refuse_unread([flag], f"--what with a table or figure of that corpus, not {', '.join(whats)}")


def _prepare(whats: Sequence[str], inputs: Sequence[str]) -> tuple[Setup, FeatureSource | None]:
    """Prepares corpora and features, before any training."""
    workdir, budget = Path(_WORKDIR.value), _BUDGET.value
    data, ade = (Path(flag.value) if flag.value else None for flag in (_DATA, _ADE))
    if budget == "quick":
        corpora = write_quick(data, ade, workdir / "data" / "quick")
    else:
        corpora = {"conll04": data or Path("data/conll04"), "ade": ade or Path("data/ade")}
    vectors = Path(_VECTORS.value) if _VECTORS.value else None
    num_seeds = _SEEDS.value or (1 if budget == "quick" else 5)
    setup = Setup(workdir, budget, num_seeds, corpora, vectors, encoder=encoder_name())
    if inputs and "features" not in inputs:
        return setup, None
    features = features_for_training(_sentences(whats, setup) if wants_features() else [], workdir)
    return setup._replace(features=None if features is None else features.path), features


def _sentences(whats: Sequence[str], setup: Setup) -> list[Sentence]:
    """Returns all sentences of the runs with contextual features: the runs to train, or finished runs."""
    rows = (row for what in whats for row in ROWS[what] if row.features)
    runs = (run for row in rows for run in runs_of(row, setup))
    folders = sorted({run.data for run in runs if _TRAIN.value or is_finished(run)})
    return [s for folder in folders for sentences in load_splits(folder).values() for s in sentences]


def _runs_to_train(whats: Sequence[str], inputs: Sequence[str], setup: Setup) -> list[Run]:
    """Returns the runs to train, seed by seed, so that an early end leaves full tables."""
    rows = rows_for(whats, setup.features is not None, inputs)
    if _ROWS.value is not None:
        names = choices("rows", _ROWS.value, [row.name for row in rows])
        rows = [row for row in rows if row.name in names]
    return sorted((run for row in rows for run in runs_of(row, setup)), key=lambda run: run.index)


if __name__ == "__main__":
    run_main(main)
