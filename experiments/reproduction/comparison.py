"""The comparison of CMAN with the baseline on equal input, slice by slice.

Figures 4 and 5 show it, and Table 1 shows its significance test.
"""

from collections.abc import Sequence
from typing import Any

from cman_jax.app.judging import judge_run
from cman_jax.data.corpus import load_split
from cman_jax.encoders.encoder import Encoder
from cman_jax.evaluation.analysis.summary import Slices, measure, slice_all
from cman_jax.run.provenance import check_split
from cman_jax.run.system import System
from experiments.reproduction.rows import INPUTS, ROWS
from experiments.reproduction.runs import Run, Setup, runs_of
from experiments.reproduction.training import is_finished


def compare_systems(split: str, setup: Setup, features: Encoder | None) -> list[dict[str, Any]]:
    """Compares both systems on every slice of a split, for each input with finished runs of both.

    The counts of a sentence are summed over all seeds of a system. Intervals and p resample sentences, so
    they describe the system and not one of its trainings. A seed takes part only if it is finished in both
    systems and both runs still have their checkpoints.

    Args:
      split: the split to predict.
      setup: the setup of the reproduction.
      features: the contextual features; None: runs with contextual features are not compared.

    Returns:
      One entry per input: its name, its seeds, and the scores of both systems by slice.

    Raises:
      InputError: a split of a run differs from the corpus.
    """
    cman, baseline = ([row for row in ROWS["figure4"] if row.label == label] for label in SYSTEMS)
    found = []
    for ours, theirs in zip(cman, baseline, strict=True):
        both = [runs for runs in zip(runs_of(ours, setup), runs_of(theirs, setup), strict=True)]
        both = [runs for runs in both if all(is_finished(run) and _has_parameters(run) for run in runs)]
        if both and (features is not None or not ours.features):
            measured = _compare(*zip(*both, strict=True), split, features if ours.features else None)
            found.append(
                {"input": INPUTS[ours.input], "seeds": [run.index for run, _ in both], "slices": measured}
            )
    return found


SYSTEMS = ("CMAN", "Multi-head + AT")


def _has_parameters(run: Run) -> bool:
    """Returns whether the run still has its checkpoints; the tables need only its scores."""
    return (run.workdir / "checkpoints").is_dir()


def _compare(ours: Sequence[Run], theirs: Sequence[Run], split: str, features: Encoder | None) -> Any:
    """Returns the result of `measure` by kind of slice, slice and system.

    The p of the difference is in the first system's result.
    """
    like, average = System.load(ours[0].workdir), ours[0].config.scoring.average
    first, second = (_pooled(runs, split, features, like) for runs in (ours, theirs))
    sides = zip(SYSTEMS, (measure(first, average, second), measure(second, average)), strict=True)
    by_system = dict(sides)
    return {
        by: {name: {system: by_system[system][by][name] for system in SYSTEMS} for name in slices}
        for by, slices in first.items()
    }


def _pooled(runs: Sequence[Run], split: str, features: Encoder | None, like: System) -> Slices:
    """Predicts the split with every run and returns the counts of each sentence, summed over the runs."""
    gold, train = (load_split(runs[0].data, name) for name in (split, "train"))
    for run in runs:
        check_split(run.workdir, split, gold)
        check_split(run.workdir, "train", train)
    answers = [judge_run(run.workdir, gold, features, like)[1].answers for run in runs]
    first, *others = (slice_all(each, train) for each in answers)
    return {
        by: {
            name: {
                task: counts + sum(other[by][name][task] for other in others) for task, counts in each.items()
            }
            for name, each in slices.items()
        }
        for by, slices in first.items()
    }
