"""Relations may be given gold tags at inference; entities never read them (Table 3)."""

import dataclasses

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.steps import SystemStep
from cman_jax.run.system import System
from cman_jax.types import Entity, Params, Sentence
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, batch_of, changed, quick_compilation, vocabs_of

Trained = tuple[System, Params]


@pytest.fixture(scope="module")
def trained() -> Trained:
    """A system that compiles fast, and random parameters."""
    config = Config(model=changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1), data=SMALL_DATA)
    config.decoding.threshold = 0.0
    system = System.build(config, vocabs_of(SENTENCES))
    shapes, tree = jax.tree.flatten(system.param_shapes())
    rng = np.random.default_rng(0)
    params = jax.tree.unflatten(tree, [rng.normal(size=leaf.shape).astype(np.float32) for leaf in shapes])
    return system, params


def with_gold_labels(system: System) -> System:
    decoding = dataclasses.replace(system.config.decoding, labels="gold")
    return system._replace(config=dataclasses.replace(system.config, decoding=decoding))


def test_gold_labels_change_relations_and_nothing_else(trained: Trained) -> None:
    system, params = trained
    batch = batch_of()
    with quick_compilation():
        predicted = SystemStep(system)(params, batch)
        step = SystemStep(with_gold_labels(system))
        gold, repeated = step(params, batch), step(params, batch._replace(tags=predicted.tags))
    for name in ("tags", "initial_prob", "edge_prob"):
        np.testing.assert_array_equal(getattr(gold, name), getattr(predicted, name))
    # The predicted tags as if they were the gold's: there is no other way from the tags to the relations.
    np.testing.assert_allclose(repeated.relation_prob, predicted.relation_prob, atol=1e-6)
    assert np.abs(gold.relation_prob - predicted.relation_prob)[batch.mask].max() > 0.01


def test_the_gold_reaches_the_network_if_asked_for(trained: Trained) -> None:
    system, params = trained
    bare = [Sentence(sentence.id, sentence.tokens) for sentence in SENTENCES]
    with quick_compilation():
        reading = Extractor(with_gold_labels(system), params, 1)
        seen, unseen = reading.annotate(SENTENCES), reading.annotate(bare)
    assert [a.entities for a in seen] == [a.entities for a in unseen]
    assert [a.relation_prob for a in seen] != [a.relation_prob for a in unseen]


def test_text_without_gold_and_unknown_types_are_refused(trained: Trained) -> None:
    system, params = trained
    reading = Extractor(with_gold_labels(system), params, 1)
    with pytest.raises(InputError, match="labels: found gold, expected predicted: "):
        reading.extract(["Ada lived in London."])
    with pytest.raises(InputError, match="the gold of sentence 7: found entity type 'Ship', expected one of"):
        reading.annotate([Sentence("7", ("Argo",), (Entity(0, 1, "Ship"),))])
