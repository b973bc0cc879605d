"""Tests that every module's output, tags, probabilities and triples agree in JAX and in PyTorch."""

from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs PyTorch, which is an extra")

from cman_jax.config import DecodingConfig
from cman_jax.inference.decode import decode
from cman_jax.types import Batch, Predictions, Sentence
from experiments.torch_reference import modules
from experiments.torch_reference.batch import TorchBatch, to_torch
from experiments.torch_reference.crf import TaggingPotentials
from experiments.torch_reference.network import TorchCMAN
from experiments.torch_reference.step import TorchPredictions, predict_step
from tests.experiments.torch_reference.twins import (
    BATCH_SIZE,
    CASES,
    LENGTH,
    Twins,
    make_twins,
    observed_predictions,
)

UNITS = (
    modules.CharacterEmbedding,
    modules.Encoder,
    modules.BiLSTM,
    modules.MultiHeadAttention,
    modules.BSA,
    modules.BLA,
    modules.RelationScorer,
    TaggingPotentials,
)


class Seen(NamedTuple):
    """The predictions of both networks for one batch, and each module's output by its name."""

    twins: Twins
    batch: Batch
    torch_batch: TorchBatch
    predictions: TorchPredictions
    outputs: dict[str, Any]
    torch_predictions: TorchPredictions
    torch_outputs: dict[str, Any]


@pytest.fixture(scope="module", params=CASES)
def seen(request: pytest.FixtureRequest, sentences: list[Sentence]) -> Seen:
    """Runs both networks on one batch.

    The last sentence of the batch is empty, and the longest has fewer tokens than the bucket.
    """
    twins = make_twins(CASES[request.param], sentences)
    related = [s for s in sentences if s.relations and len(s.tokens) < LENGTH][: BATCH_SIZE - 1]
    batch = twins.batch(related)
    torch_batch = to_torch(batch)
    predictions, outputs = observed_predictions(twins, batch)
    predictions = TorchPredictions(*predictions)
    hooked = observed_by_hooks(twins.network, torch_batch)
    return Seen(twins, batch, torch_batch, predictions, outputs, *hooked)


def observed_by_hooks(network: TorchCMAN, batch: TorchBatch) -> tuple[TorchPredictions, dict[str, Any]]:
    outputs: dict[str, Any] = {}

    def hook_of(name: str) -> Any:
        return lambda module, arguments, output: outputs.__setitem__(name, output)

    named = [(name, module) for name, module in network.named_modules() if name]
    hooks = [module.register_forward_hook(hook_of(name)) for name, module in named]
    predictions = predict_step(network, batch)
    for hook in hooks:
        hook.remove()
    return predictions, outputs


def at_tokens(name: str, output: Any, mask: np.ndarray) -> list[np.ndarray]:
    """Returns a module's output without padding, with one row per token or pair of tokens."""
    if name == "tagging":
        return [output.initial[mask.any(1)], output.pairwise[mask]]
    return [output[mask[:, :, None] & mask[:, None, :] if name == "relation" else mask]]


def test_outputs_of_modules_are_the_same(seen: Seen) -> None:
    """Compares outputs by name; a part of a module that exists in only one network has no counterpart."""
    units = {name for name, module in seen.twins.network.named_modules() if isinstance(module, UNITS)}
    common = seen.outputs.keys() & seen.torch_outputs.keys()
    assert units - common == {"char.bilstm"}  # the network reads only its last states: the output of `char`
    assert {"char", "word", "input_dropout", "tagging", "relation"} <= common
    mask, torch_mask = np.asarray(seen.batch.mask), seen.torch_batch.mask.numpy()
    rows, torch_rows = np.asarray(seen.batch.char_rows), seen.torch_batch.char_rows.numpy()
    for name in sorted(common):
        actual, expected = seen.torch_outputs[name], seen.outputs[name]
        actual = jax.tree.map(lambda tensor: tensor.numpy(), actual)
        if name == "char":  # one row per word
            actual, expected = actual[torch_rows], expected[rows]
        pairs = zip(at_tokens(name, actual, torch_mask), at_tokens(name, expected, mask), strict=True)
        for a, e in pairs:
            np.testing.assert_allclose(a.reshape(e.shape), e, rtol=1e-5, atol=1e-5, err_msg=name)


def test_tags_probabilities_and_triples_are_the_same(seen: Seen) -> None:
    lengths = np.asarray(seen.batch.mask).sum(1)
    num_tags, num_relations = seen.twins.vocabs.sizes.num_tags, 0
    marginals = np.zeros(num_tags), np.zeros((LENGTH, num_tags, num_tags))  # for entities' probabilities only
    # Random parameters predict low probabilities.
    names = seen.twins.vocabs, DecodingConfig(threshold=0.02)
    ours, theirs = seen.predictions, TorchPredictions(*(x.numpy() for x in seen.torch_predictions))
    for row, length in enumerate(lengths[lengths > 0].tolist()):
        np.testing.assert_array_equal(theirs.tags[row, :length], ours.tags[row, :length])
        cells = np.s_[row, :length, :length]
        np.testing.assert_allclose(theirs.relation_prob[cells], ours.relation_prob[cells], atol=1e-5)
        expected, actual = (
            decode(Predictions(p.tags[row], p.relation_prob[row], *marginals), length, *names)
            for p in (ours, theirs)
        )
        assert (actual.entities, actual.relations) == (expected.entities, expected.relations)
        np.testing.assert_allclose(actual.relation_prob, expected.relation_prob, atol=1e-5)
        num_relations += len(expected.relations)
    assert num_relations > 0
