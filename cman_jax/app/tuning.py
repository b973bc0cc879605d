"""What a finished run learns from held-out sentences: calibrated probabilities, and a threshold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.evaluation.analysis.calibration import Best, Decisions
from cman_jax.evaluation.analysis.fitting import fit_calibration, tuned_threshold
from cman_jax.evaluation.analysis.summary import decided_candidates
from cman_jax.inference.ensemble import Ensemble
from cman_jax.inference.extractor import Extractor
from cman_jax.run.calibration import Calibration, write_entry
from cman_jax.run.installed import refuse_packaged
from cman_jax.run.provenance import recorded_digest, split_digest
from cman_jax.run.system import load_config
from cman_jax.types import Sentence


def calibrate(
    workdir: Path, held_out: Sequence[Sentence], encoder: Encoder | None = None, **decoding: Any
) -> Calibration:
    """Fits the run's probabilities to held-out sentences, and stores the result in calibration.json.

    The triples above the run's threshold and all predicted entities are fitted. A stored threshold is kept.

    Args:
      workdir: the working directory of the run.
      held_out: annotated sentences that the network was not trained on.
      encoder, decoding: as for `Extractor.as_configured`.

    Raises:
      InputError: the network was trained on the sentences, nothing can be loaded, or the run is an installed
        model.
    """
    _refuse_to_fit(workdir, held_out)
    extractor = Extractor.as_configured(workdir, encoder=encoder, **decoding)
    extractor.calibration = Calibration()
    annotations = extractor.annotate(held_out)
    fitted = fit_calibration(held_out, annotations)
    counts = {
        "ner": sum(len(found.entities) for found in annotations),
        "re": sum(len(found.relations) for found in annotations),
    }
    tasks = {task: {**part._asdict(), "count": counts[task]} for task, part in fitted._asdict().items()}
    write_entry(workdir, "probabilities", extractor.epoch, split_digest(held_out), tasks)
    return fitted


def tune_threshold(
    workdir: Path, held_out: Sequence[Sentence], encoder: Encoder | None = None, **decoding: Any
) -> Best:
    """Finds the threshold with the highest relation F1 on held-out sentences, and stores it.

    Arguments and errors are those of `calibrate`; a threshold among `decoding` is not read.
    """
    tuner = _tuner_of_run(workdir, held_out, encoder, **decoding)
    best = tuned_threshold(tuner.decided())
    tuner.write(best.threshold, f1=best.f1)
    return best


def tune_thresholds(
    workdir: Path, held_out: Sequence[Sentence], encoder: Encoder | None = None, **decoding: Any
) -> dict[str, Best]:
    """Finds, for each relation type, the threshold with its highest F1 on held-out sentences; stores them.

    A type without a right prediction has the best threshold of all types together, with F1 0. Arguments and
    errors are those of `tune_threshold`.
    """
    tuner = _tuner_of_run(workdir, held_out, encoder, **decoding)
    common = Best(tuned_threshold(tuner.decided()).threshold, 0.0)
    best = {}
    for name in tuner.extractor.system.vocabs.relation_types:
        decided = tuner.decided(name)
        best[name] = tuned_threshold(decided) if decided.right.any() else common
    tuner.write({name: each.threshold for name, each in best.items()})
    return best


def threshold_of_ensemble(
    workdirs: Sequence[Path],
    held_out: Sequence[Sentence],
    encoders: Sequence[Encoder | None] | None = None,
    **decoding: Any,
) -> Best:
    """Returns the threshold with the highest relation F1 of several runs together; stores nothing.

    Args:
      workdirs: the working directories of the runs, or names of installed models.
      held_out: annotated sentences that no network was trained on.
      encoders, decoding: as for `Ensemble.as_configured`; a threshold among `decoding` is not read.

    Raises:
      InputError: a network was trained on the sentences, the runs differ in more than the seed, nothing can
        be loaded, or no predicted relation is right.
    """
    for workdir in workdirs:
        _refuse_trained_on(workdir, held_out)
    options = {**decoding, "threshold": None}
    ensemble = Ensemble.as_configured(workdirs, encoders=encoders, **options)
    return tuned_threshold(_Tuner(ensemble, held_out).decided())


def _tuner_of_run(
    workdir: Path, held_out: Sequence[Sentence], encoder: Encoder | None, **decoding: Any
) -> "_Tuner":
    """Returns the tuner of one run; the arguments are those of `tune_threshold`."""
    _refuse_to_fit(workdir, held_out)
    options = {**decoding, "threshold": None}
    return _Tuner(Extractor.as_configured(workdir, encoder=encoder, **options), held_out)


class _Tuner:
    """The candidate relations of an extractor in held-out sentences."""

    def __init__(self, extractor: Extractor, held_out: Sequence[Sentence]):
        self.extractor, self._held_out = extractor, held_out
        self._candidates = extractor.candidates(held_out)
        if not self.decided().right.any():
            found, expected = "no right relation among the predictions", "a run that finds some relations"
            raise InputError(extractor.workdir, None, found, expected)

    def decided(self, relation_type: str | None = None) -> Decisions:
        """Returns the decisions about all relations, or about those of one type."""
        vocabs, scoring = self.extractor.system.vocabs, self.extractor.system.config.scoring
        types = {"entity_types": vocabs.entity_types, "relation_types": vocabs.relation_types}
        return decided_candidates(self._held_out, self._candidates, scoring, relation_type, **types)

    def write(self, value: float | dict[str, float], **fields: float) -> None:
        """Stores a threshold, or that of each relation type."""
        workdir, epoch = self.extractor.workdir, self.extractor.epoch
        write_entry(workdir, "threshold", epoch, split_digest(self._held_out), {"value": value, **fields})


def trained_on(workdir: Path, digest: str) -> str | None:
    """Returns the split with this digest that the run was trained on; None: there is none."""
    splits = load_config(workdir).training.trained_splits
    return next((name for name in splits if recorded_digest(workdir, name) == digest), None)


def _refuse_to_fit(workdir: Path, sentences: Sequence[Sentence]) -> None:
    """Raises an InputError if nothing can be stored in the run, or if it was trained on the sentences."""
    refuse_packaged(workdir, "the folder of a training run")
    _refuse_trained_on(workdir, sentences)


def _refuse_trained_on(workdir: Path, sentences: Sequence[Sentence]) -> None:
    """Raises an InputError if the run was trained on the sentences."""
    if split := trained_on(workdir, split_digest(sentences)):
        found = f"the run's {split} split, which the network was trained on"
        raise InputError(workdir, None, found, "sentences that the network has not seen, such as dev")
