"""Tests of ensembles: the means of the networks' scores decide, on every way that a sentence can take."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from cman_jax import Ensemble, Extractor
from cman_jax.data.batching import encode
from cman_jax.errors import InputError
from cman_jax.inference.ensemble import UNCALIBRATED, EnsembleStep, predict_step
from cman_jax.inference.export import export_network
from cman_jax.layers.crf import viterbi
from cman_jax.run.calibration import Calibration
from cman_jax.types import Annotation, Sentence
from tests.builders import SENTENCES, normal, quick_compilation
from tests.finished_run import finished_run
from tests.inference.test_predict import MANY


def extractors(folder: Path, count: int = 3) -> list[Extractor]:
    """Returns networks of one kind with different parameters."""
    finished_run(folder)
    first = Extractor.as_configured(folder)
    leaves, tree = jax.tree.flatten(first.params)
    found = []
    for number in range(count):
        drawn = [jnp.asarray(normal(1000 * number + seed, *leaf.shape)) for seed, leaf in enumerate(leaves)]
        found.append(Extractor(first.system, jax.tree.unflatten(tree, drawn), 1, workdir=folder))
    return found


def test_the_scores_are_means_and_all_networks_read_the_same_tags(tmp_path: Path) -> None:
    runs = extractors(tmp_path)
    ensemble = Ensemble.of(runs)
    system = runs[0].system
    examples = [encode(sentence, system.vocabs) for sentence in SENTENCES]
    batch = jax.tree.map(jnp.asarray, system.collate(examples, 16, len(examples)))
    with quick_compilation():
        found = jax.jit(predict_step, static_argnums=0)(
            system.model, ensemble.params, ensemble.system.constants, batch
        )
        parts = []
        for run in runs:
            module = system.model.bind({"params": run.params, "constants": system.constants})
            x = module.encode_tokens(module.encode_inputs(batch), batch.mask, train=False)
            parts.append((module, x, module.tag(x, batch.mask)))
        tagging = jax.tree.map(lambda *each: jnp.stack(each).mean(0), *(part[2] for part in parts))
        tags = viterbi(tagging, batch.mask)
        logits = [
            m.relate(x, m.encode_labels(tags, batch.mask), batch.mask, train=False) for m, x, _ in parts
        ]
    np.testing.assert_array_equal(found.tags, tags)
    np.testing.assert_allclose(
        found.relation_prob, nn.sigmoid(jnp.stack(logits).mean(0)), rtol=1e-4, atol=1e-6
    )


def same(found: list[Annotation], expected: list[Annotation]) -> None:
    """Asserts equal annotations, whose probabilities are equal up to rounding."""
    assert sum(len(annotation.relations) for annotation in expected) > 20
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.entities, ours.relations) == (theirs.entities, theirs.relations)
        np.testing.assert_allclose(ours.entity_prob, theirs.entity_prob, atol=1e-5)
        np.testing.assert_allclose(ours.relation_prob, theirs.relation_prob, atol=1e-5)


def test_copies_of_a_network_predict_as_the_network(tmp_path: Path) -> None:
    (run,) = extractors(tmp_path, 1)
    run.calibration = Calibration()
    with quick_compilation():
        same(Ensemble.of([run] * 2).candidates(MANY), run.candidates(MANY))


def test_a_long_sentence_takes_another_way_and_comes_out_the_same(tmp_path: Path) -> None:
    runs = extractors(tmp_path)
    config = runs[0].system.config
    short = dataclasses.replace(config, data=dataclasses.replace(config.data, bucket_lengths=(2,)))
    alone = [Extractor(r.system._replace(config=short), r.params, 1, workdir=tmp_path) for r in runs]
    with quick_compilation():
        same(Ensemble.of(alone).candidates(MANY), Ensemble.of(runs).candidates(MANY))


def test_networks_that_differ_in_more_than_the_seed_are_refused(tmp_path: Path) -> None:
    finished_run(tmp_path / "a")
    finished_run(tmp_path / "b", (*SENTENCES, Sentence("more", ("Zyx", "Zyx"))))
    with pytest.raises(
        InputError, match=r"b: found other vocabularies, expected vocabularies of .*a, because"
    ):
        Ensemble.load([tmp_path / "a", tmp_path / "b"])
    systems = [run.system for run in extractors(tmp_path / "c", 2)]
    widths = [
        system._replace(constants={"word_vectors": np.zeros((3, 4 + i))}) for i, system in enumerate(systems)
    ]
    runs = [Extractor(system, {}, 1, workdir=tmp_path) for system in widths]
    with pytest.raises(InputError, match="found other width of word vectors, expected width of word vectors"):
        Ensemble.of(runs)
    with pytest.raises(InputError, match="ensemble: found no run"):
        Ensemble.load([])
    assert Ensemble.load([tmp_path / "a", tmp_path / "a"]).notes[0] == UNCALIBRATED


@pytest.mark.parametrize(
    ("workdirs", "encoders", "found"),
    [("runs/a", None, "one folder, 'runs/a'"), (["a", "b"], [None], "1 encoders for 2 runs")],
)
def test_arguments_that_do_not_fit_are_refused(workdirs: Any, encoders: Any, found: str) -> None:
    for load in (Ensemble.load, Ensemble.as_configured):
        with pytest.raises(InputError, match=f"ensemble: found {found}, expected "):
            load(workdirs, encoders=encoders)


def test_the_shares_of_layers_are_the_means_of_the_runs(tmp_path: Path) -> None:
    runs = extractors(tmp_path, 2)
    assert Ensemble.of(runs).layer_shares == []
    for run, gamma in zip(runs, (1.0, 1.5), strict=True):
        run.params = {"mix": {"weights": gamma * jnp.arange(3.0), "gamma": jnp.float32(gamma)}}
    expected = np.mean([run.layer_shares for run in runs], axis=0)
    np.testing.assert_allclose(Ensemble.of(runs).layer_shares, expected, rtol=1e-6)


def test_an_ensemble_is_not_exported(tmp_path: Path) -> None:
    ensemble = Ensemble.of(extractors(tmp_path, 2))
    with pytest.raises(
        InputError, match="found several networks that are averaged, expected a single network"
    ):
        export_network(ensemble, tmp_path / "out")


def test_the_tuned_threshold_of_single_runs_is_refused() -> None:
    for load in (Ensemble.load, Ensemble.as_configured):
        with pytest.raises(InputError, match="threshold: found 'dev' for several runs, expected a number"):
            load(["a", "b"], threshold="dev")


def test_options_hold_for_one_call_of_an_ensemble(tmp_path: Path) -> None:
    ensemble = Ensemble.of(extractors(tmp_path))
    assert isinstance(ensemble._with({"threshold": 0.9})._predictor._step, EnsembleStep)
