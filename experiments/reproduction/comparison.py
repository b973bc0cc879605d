"""CMAN beside the baseline, slice by slice, on equal input: Figures 4 and 5, and the test of Table 1."""

from collections.abc import Sequence
from typing import Any

from cman_jax.data.corpus import load_split
from cman_jax.encoders.encoder import Encoder
from cman_jax.evaluation.analysis.summary import Slices, measure, slice_all
from cman_jax.run.provenance import check_split
from cman_jax.run.system import System
from experiments.judging import judge_run
from experiments.reproduction.rows import ROWS
from experiments.reproduction.runs import Run, Setup, runs_of
from experiments.reproduction.training import is_finished


def compare_systems(split: str, setup: Setup, features: Encoder | None) -> list[dict[str, Any]]:
    """For each input with finished runs of both systems: their scores on every slice of the split.

    Seeds are pooled: the answers that all networks of a system gave to a sentence are counted together, so
    that intervals and p, which resample sentences, are of the system and not of one of its trainings. Only
    seeds that both have take part, and can still answer; counts are summed over them.
    """
    cman, baseline = ([row for row in ROWS["figure4"] if row.label == label] for label in SYSTEMS)
    found = []
    for ours, theirs in zip(cman, baseline, strict=True):
        both = [runs for runs in zip(runs_of(ours, setup), runs_of(theirs, setup), strict=True)]
        both = [runs for runs in both if all(is_finished(run) and _has_parameters(run) for run in runs)]
        if both and (features is not None or not ours.features):
            measured = _compare(*zip(*both, strict=True), split, features if ours.features else None)
            about = "contextual features" if ours.features else "words and characters"
            found.append({"input": about, "seeds": [run.index for run, _ in both], "slices": measured})
    return found


SYSTEMS = ("CMAN", "Multi-head + AT")


def _has_parameters(run: Run) -> bool:
    """Not where only its scores were kept, which are enough for the tables."""
    return (run.workdir / "checkpoints").is_dir()


def _compare(ours: Sequence[Run], theirs: Sequence[Run], split: str, features: Encoder | None) -> Any:
    """By what, slice and system: what `measure` says; p of the difference stands with the first system."""
    like, average = System.load(ours[0].workdir), ours[0].config.scoring.average
    first, second = (_pooled(runs, split, features, like) for runs in (ours, theirs))
    sides = zip(SYSTEMS, (measure(first, average, second), measure(second, average)), strict=True)
    by_system = dict(sides)
    return {
        by: {name: {system: by_system[system][by][name] for system in SYSTEMS} for name in slices}
        for by, slices in first.items()
    }


def _pooled(runs: Sequence[Run], split: str, features: Encoder | None, like: System) -> Slices:
    """The counts of each sentence, summed over the runs."""
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
