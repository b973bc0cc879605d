"""Relations are predicted from gold tags; entities never read them (Table 3)."""

import jax
import numpy as np
import pytest

from cman_jax.config import Config
from cman_jax.encoders.encoder import encode_all
from cman_jax.inference.predict import Predictor
from cman_jax.inference.steps import SystemStep
from cman_jax.run.system import System
from cman_jax.types import Params, Sentence
from experiments.reproduction.gold_labels import GoldLabelStep
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


def test_gold_labels_change_relations_and_nothing_else(trained: Trained) -> None:
    system, params = trained
    batch = batch_of()
    with quick_compilation():
        predicted = SystemStep(system)(params, batch)
        step = GoldLabelStep(system)
        gold, repeated = step(params, batch), step(params, batch._replace(tags=predicted.tags))
    for name in ("tags", "initial_prob", "edge_prob"):
        np.testing.assert_array_equal(getattr(gold, name), getattr(predicted, name))
    # The predicted tags in place of the gold's: there is no other way from the tags to the relations.
    np.testing.assert_allclose(repeated.relation_prob, predicted.relation_prob, atol=1e-6)
    assert np.abs(gold.relation_prob - predicted.relation_prob)[batch.mask].max() > 0.01


def test_the_gold_reaches_the_relations_of_whole_sentences(trained: Trained) -> None:
    system, params = trained
    first = SENTENCES[0]
    long = Sentence("long", first.tokens * 20, first.entities, first.relations)
    assert len(long.tokens) > SMALL_DATA.bucket_lengths[-1]  # so that it is predicted in two steps
    labelled = [*SENTENCES, long]
    bare = [Sentence(sentence.id, sentence.tokens) for sentence in labelled]
    with quick_compilation():
        predict = Predictor(system, GoldLabelStep(system))
        seen, unseen = (
            predict(params, encode_all(sentences, system.vocabs, None)) for sentences in (labelled, bare)
        )
    assert [a.entities for a in seen] == [a.entities for a in unseen]
    for chosen in (slice(None, -1), slice(-1, None)):
        assert [a.relation_prob for a in seen[chosen]] != [a.relation_prob for a in unseen[chosen]]
