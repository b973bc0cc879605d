"""Tests of calibration and threshold of a run on held-out sentences, with predictions that are known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cman_jax.app import tuning
from cman_jax.config import Config, to_dict
from cman_jax.errors import InputError
from cman_jax.evaluation.analysis.fitting import fit_calibration
from cman_jax.files import write_json
from cman_jax.inference.extractor import Extractor
from cman_jax.run.calibration import read_calibration, tuned_decoding
from cman_jax.run.installed import MANIFEST
from cman_jax.run.provenance import split_digest
from cman_jax.types import Annotation, Relation, Sentence
from tests.builders import SENTENCES, vocabs_of

RIGHT, WRONG = Relation(0, 1, "Live_In"), Relation(1, 0, "Live_In")


def stored(workdir: Path) -> dict[str, Any]:
    return tuned_decoding(workdir, 4, vocabs_of(SENTENCES).relation_types)


def answers(sentence: Sentence, *probabilities: float) -> Annotation:
    """Returns the gold entities with the right relation and a wrong one, of these probabilities."""
    return Annotation(sentence.entities, (RIGHT, WRONG), (0.9, 0.9), probabilities, probabilities)


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose network gives known answers to `SENTENCES[:1]`, and to nothing else."""

    class Known(Extractor):
        def __init__(self, **options: Any):
            self.system = SimpleNamespace(config=Config(), vocabs=vocabs_of(SENTENCES))
            self.workdir, self.epoch, self.calibration, self.options = tmp_path, 4, None, options

        @classmethod
        def as_configured(cls, workdir: Path, **options: Any) -> "Known":
            return cls(**options)

        def annotate(self, sentences: tuple[Sentence, ...]) -> list[Annotation]:
            return [answers(sentence, 0.4, 0.3) for sentence in sentences]

        candidates = annotate

    monkeypatch.setattr(tuning, "Extractor", Known)
    monkeypatch.setattr(tuning, "Ensemble", Known)
    write_json(tmp_path / "config.json", to_dict(Config()))
    write_json(tmp_path / "data.json", {"train": split_digest(SENTENCES)})
    return tmp_path


def test_a_threshold_between_right_and_wrong_is_stored(workdir: Path) -> None:
    best = tuning.tune_threshold(workdir, SENTENCES[:1])
    assert (best.f1, stored(workdir)) == (100.0, {"threshold": best.threshold})
    assert 0.3 <= best.threshold < 0.4


def test_the_threshold_of_several_runs_is_found_and_not_stored(workdir: Path) -> None:
    best = tuning.threshold_of_ensemble([workdir, workdir], SENTENCES[:1], threshold=0.9)
    assert best == tuning.tune_threshold(workdir, SENTENCES[:1])
    (workdir / "calibration.json").unlink()
    tuning.threshold_of_ensemble([workdir, workdir], SENTENCES[:1])
    assert not (workdir / "calibration.json").exists()
    with pytest.raises(InputError, match="found the run's train split, which the network was trained on"):
        tuning.threshold_of_ensemble([workdir, workdir], SENTENCES)


def test_each_relation_type_has_its_own_threshold_and_one_without_a_right_answer_the_common_one(
    workdir: Path,
) -> None:
    best = tuning.tune_thresholds(workdir, SENTENCES[:1])
    common = tuning.tune_threshold(workdir, SENTENCES[:1]).threshold
    types = vocabs_of(SENTENCES).relation_types
    assert {name: each.f1 for name, each in best.items()} == {**dict.fromkeys(types, 0.0), "Live_In": 100.0}
    assert {each.threshold for each in best.values()} == {common}
    tuning.tune_thresholds(workdir, SENTENCES[:1])
    assert stored(workdir) == {"relation_thresholds": (common,) * len(types)}


def test_the_calibration_of_the_answers_is_stored_beside_the_threshold(workdir: Path) -> None:
    tuning.tune_threshold(workdir, SENTENCES[:1])
    fitted = tuning.calibrate(workdir, SENTENCES[:1])
    assert fitted == fit_calibration(SENTENCES[:1], [answers(SENTENCES[0], 0.4, 0.3)])
    assert read_calibration(workdir, 4) == fitted
    assert stored(workdir)["threshold"] < 0.4


def test_an_installed_model_is_not_fitted(workdir: Path) -> None:
    write_json(workdir / MANIFEST, {})
    for learn in (tuning.calibrate, tuning.tune_threshold, tuning.tune_thresholds):
        with pytest.raises(InputError, match="found an installed model, expected the folder of a"):
            learn(workdir, SENTENCES[:1])


def test_sentences_of_the_training_and_a_run_without_a_right_relation_are_one_line(workdir: Path) -> None:
    for learn in (tuning.calibrate, tuning.tune_threshold, tuning.tune_thresholds):
        with pytest.raises(InputError, match="found the run's train split, which the network was trained on"):
            learn(workdir, SENTENCES)
    bare = Sentence("1", SENTENCES[0].tokens, SENTENCES[0].entities)
    with pytest.raises(
        InputError, match="found no right relation among the predictions, expected a run that"
    ):
        tuning.tune_threshold(workdir, (bare,))


def test_what_a_run_was_trained_on_is_recognised(workdir: Path) -> None:
    assert tuning.trained_on(workdir, split_digest(SENTENCES)) == "train"
    assert tuning.trained_on(workdir, split_digest(SENTENCES[:1])) is None
