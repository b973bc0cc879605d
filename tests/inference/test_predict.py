"""Long sentences take another way and come out the same, in memory that grows with their tokens."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.config import Config, ModelConfig
from cman_jax.data.batching import encode
from cman_jax.inference import decode
from cman_jax.inference.predict import Predictor
from cman_jax.inference.steps import predict_tokens
from cman_jax.run.system import System
from cman_jax.types import Annotation, Params, Sentence
from tests.builders import (
    SENTENCES,
    SMALL_DATA,
    SMALL_MODEL,
    batch_of,
    changed,
    compilations,
    normal,
    quick_compilation,
    vocabs_of,
)

QUICK = changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1)
NETWORKS = {
    "CMAN": QUICK,
    "no BLA, sums of the text between": changed(QUICK, label_attention=False, between_dim=3),
    "multihead": changed(
        QUICK, network="multihead", label_attention=False, self_attention=False, relation_scorer="shared"
    ),
}
LONG = Sentence("long", tuple(word for sentence in SENTENCES for word in sentence.tokens) * 2)
MANY = (*SENTENCES, LONG, Sentence("empty", ()))


def system_of(model: ModelConfig, buckets: tuple[int, ...], **decoding: Any) -> System:
    config = Config(model=model, data=dataclasses.replace(SMALL_DATA, bucket_lengths=buckets))
    config.decoding = dataclasses.replace(config.decoding, threshold=0.0, **decoding)
    config.training.batch_size = 4
    return System.build(config, vocabs_of(SENTENCES, null_relation=model.null_relation))


def params_of(system: System) -> Params:
    shapes, tree = jax.tree.flatten(system.param_shapes())
    return jax.tree.unflatten(tree, [normal(seed, *leaf.shape) for seed, leaf in enumerate(shapes)])


def annotated(system: System, params: Params, sentences: tuple[Sentence, ...] = MANY) -> list[Annotation]:
    with quick_compilation():
        return Predictor(system)(params, [encode(sentence, system.vocabs) for sentence in sentences])


OTHERWISE = {"anchor": "any", "bio_constraints": True}


@pytest.mark.parametrize(
    ("network", "decoding"),
    [("CMAN", OTHERWISE), ("no BLA, sums of the text between", {}), ("multihead", OTHERWISE)],
)
def test_the_long_way_gives_the_same_annotations(network: str, decoding: dict[str, Any]) -> None:
    model = NETWORKS[network]
    plain = system_of(model, (32,), **decoding)
    params = params_of(plain)
    expected = annotated(plain, params)
    assert sum(len(annotation.relations) for annotation in expected) > 20
    found = annotated(system_of(model, (2,), **decoding), params)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours.entities, ours.relations) == (theirs.entities, theirs.relations)
        np.testing.assert_allclose(ours.entity_prob, theirs.entity_prob, atol=1e-5)
        np.testing.assert_allclose(ours.relation_prob, theirs.relation_prob, atol=1e-5)


def test_blocks_of_pairs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    system = system_of(QUICK, (2,), anchor="any")
    params = params_of(system)
    whole = annotated(system, params)
    monkeypatch.setattr(decode, "BLOCK", 3)
    blocks = annotated(system, params)
    assert [a.relations for a in blocks] == [a.relations for a in whole]
    for a, b in zip(blocks, whole, strict=True):
        np.testing.assert_allclose(a.relation_prob, b.relation_prob, atol=1e-6)


def test_batches_are_heard_of_and_programs_compiled_beforehand() -> None:
    system = system_of(changed(QUICK, scorer_dim=9), (8, 16))  # a network that no other test has compiled
    examples = [encode(sentence, system.vocabs) for sentence in MANY]
    heard: list[int] = []
    with quick_compilation(), compilations("predict_tokens") as threads:
        annotations = Predictor(system)(params_of(system), examples, heard.append)
    assert heard == [4, 1, 1]
    assert len(annotations) == len(MANY)
    assert [thread.startswith("compiler") for thread in threads] == [True]


def test_memory_grows_with_the_tokens_and_not_with_their_square() -> None:
    system = system_of(QUICK, (8,))

    def temporary(length: int) -> int:
        batch = batch_of(SENTENCES[:1], length)
        program = jax.jit(predict_tokens, static_argnums=0).lower(
            system.model, system.param_shapes(), system.constants, batch
        )
        return program.compile().memory_analysis().temp_size_in_bytes

    with quick_compilation():
        shorter, longer = temporary(1024), temporary(4096)
    assert longer < 5 * shorter
