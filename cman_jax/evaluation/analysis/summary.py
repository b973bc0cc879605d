"""The whole analysis of a system by `slices`, `calibration`, `confusion` and `resampling`, ready for JSON."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cman_jax.config import ScoringConfig
from cman_jax.evaluation.analysis.calibration import (
    Decisions,
    above,
    best_threshold,
    calibration_error,
    decisions,
    entity_decisions,
    equal_mass,
    precision_recall,
    reliability,
    triple_decisions,
)
from cman_jax.evaluation.analysis.confusion import agreements, confusions
from cman_jax.evaluation.analysis.resampling import F1, Counts, bootstrap, randomisation_test
from cman_jax.evaluation.analysis.slices import (
    Comparison,
    Slice,
    by_distance,
    by_length,
    by_novelty,
    by_relation_type,
    compare,
    everything,
)
from cman_jax.evaluation.metrics import PRF, Average
from cman_jax.types import Annotation, Sentence

Slices = Mapping[str, Mapping[str, Slice]]
"""The slices of each kind, by name: such as "length" and then "20-34"."""


class Judged(NamedTuple):
    """A system's answers compared with the gold.

    Attributes:
      answers: the comparison of the annotations above the system's thresholds.
      decided: all decisions about relations.
      annotations: the annotations above the system's thresholds.
      thresholds: by relation type; relations with a probability above it are answers.
    """

    answers: Comparison
    decided: Decisions
    annotations: Sequence[Annotation]
    thresholds: Mapping[str, float]


def judge(
    gold: Sequence[Sentence],
    candidates: Sequence[Annotation],
    thresholds: Mapping[str, float],
    scoring: ScoringConfig,
    *,
    entity_types: Sequence[str],
    relation_types: Sequence[str],
) -> Judged:
    """Compares a system's answers with the gold.

    Args:
      gold: the annotated sentences.
      candidates: annotations at threshold 0.
      thresholds: the system's threshold of each relation type.
      scoring: the convention.
      entity_types, relation_types: as in `metrics.score`.

    Raises:
      ValueError, InputError: as in `metrics.score`.
    """
    types = {"entity_types": entity_types, "relation_types": relation_types}
    annotations = [above(annotation, thresholds) for annotation in candidates]
    answers = compare(gold, annotations, **types, **_convention(scoring))
    decided = decided_candidates(gold, candidates, scoring, **types)
    return Judged(answers, decided, annotations, thresholds)


def decided_candidates(
    gold: Sequence[Sentence],
    candidates: Sequence[Annotation],
    scoring: ScoringConfig,
    relation_type: str | None = None,
    **types: Sequence[str],
) -> Decisions:
    """Returns all decisions about relations, or about those of one type.

    The other arguments and the errors are those of `judge`.
    """
    return decisions(compare(gold, candidates, **types, **_convention(scoring)), candidates, relation_type)


def _convention(scoring: ScoringConfig) -> dict[str, Any]:
    """Returns the convention as `compare` takes it."""
    return {"match": scoring.match, "other": scoring.other, "overlap": scoring.overlap}


def analyse(
    ours: Judged, train: Sequence[Sentence] | None, average: Average, theirs: Judged | None = None
) -> dict[str, Any]:
    """Returns slices, calibration, curve and confusions; scores are in %, probabilities 0 to 1.

    Args:
      ours: the system's answers.
      train: the training sentences, which tell sentences that the system has seen from new ones; None: they
        are not told apart.
      average: the average of F1 over types.
      theirs: another system's answers to the same sentences, which every slice is compared with; None: no
        comparison.
    """
    other = None if theirs is None else slice_all(theirs.answers, train)
    return {
        "slices": measure(slice_all(ours.answers, train), average, other),
        **judge_probabilities(ours.decided),
        "confusions": {
            task: [mistake._asdict() for mistake in confusions(ours.answers, task)]
            for task in ours.answers.settings
        },
        "agreements": {task: agreements(ours.answers, task) for task in ours.answers.settings},
    }


def slice_all(comparison: Comparison, train: Sequence[Sentence] | None) -> Slices:
    """Returns the slices of every kind.

    Args:
      comparison: the gold and the predictions.
      train: the training sentences; None: no slices by them.
    """
    slices = {
        "all": {"all": everything(comparison)},
        "length": by_length(comparison),
        "distance": by_distance(comparison),
        "relation_type": by_relation_type(comparison),
    }
    return slices if train is None else {**slices, "train": by_novelty(comparison, train)}


def measure(ours: Slices, average: Average, theirs: Slices | None = None) -> dict[str, Any]:
    """Returns the number of sentences of each slice and, by task, its scores.

    If another system is compared, a task also has `other_f1` and the `p` of the difference. p is not
    corrected for the number of comparisons.

    Args:
      ours: the system's slices.
      average: the average of F1 over types.
      theirs: the other system's slices; None: no comparison.
    """
    result: dict[str, Any] = {}
    for by, slices in ours.items():
        for name, tasks in slices.items():
            row = {"sentences": len(next(iter(tasks.values())))}
            for task, counts in tasks.items():
                row[task] = _measured(counts, average, None if theirs is None else theirs[by][name][task])
            result.setdefault(by, {})[name] = row
    return result


def _measured(counts: Counts, average: Average, theirs: Counts | None) -> dict[str, Any]:
    """Returns F1 and its interval, micro precision and recall, counts, and optionally the comparison."""
    f1 = F1[average]
    micro = PRF(*counts.sum((0, 1)).tolist())
    row: dict[str, Any] = {
        "f1": float(f1(counts.sum(0))),
        "interval": list(bootstrap(counts, f1)),
        "precision": micro.precision,
        "recall": micro.recall,
        **micro._asdict(),
    }
    if theirs is not None:
        row["other_f1"] = float(f1(theirs.sum(0)))
        row["p"] = randomisation_test(counts, theirs, f1)
    return row


def judge_probabilities(decided: Decisions) -> dict[str, Any]:
    """Returns the calibration, and the curve over the threshold.

    Args:
      decided: the decisions about relations.
    """
    bins, curve = reliability(decided), precision_recall(decided)
    points = zip(curve.prob.tolist(), curve.precision.tolist(), curve.recall.tolist(), strict=True)
    return {
        "calibration": {"error": calibration_error(bins), "bins": [b._asdict() for b in bins]},
        "curve": {
            "average_precision": curve.average_precision,
            "best": best_threshold(decided)._asdict(),
            "points": [dict(zip(("prob", "precision", "recall"), p, strict=True)) for p in points],
        },
    }


def judge_answers(ours: Judged) -> dict[str, Any]:
    """Returns the reliability of the probabilities that users see, of entities ("ner") and triples ("re").

    The bins have equal width; `error` is the expected calibration error in 15 bins of equal mass. A fact is
    right under the strict rule, as in `calibration.triple_decisions`.

    Args:
      ours: the system's answers, with their probabilities.
    """
    gold, annotations = ours.answers.sentences, ours.annotations
    found = {"ner": entity_decisions(gold, annotations), "re": triple_decisions(gold, annotations)}
    return {
        task: {
            "error": calibration_error(equal_mass(decided)),
            "bins": [b._asdict() for b in reliability(decided)],
        }
        for task, decided in found.items()
    }
