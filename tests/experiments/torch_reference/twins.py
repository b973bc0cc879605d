"""The JAX network and its PyTorch twin with the same parameters, for the tests that compare them."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cman_jax.config import DataConfig, ModelConfig, TrainingConfig
from cman_jax.data.batching import collate, encode
from cman_jax.data.vocab import Vocabs
from cman_jax.inference.steps import predict_step
from cman_jax.model.cman import CMAN
from cman_jax.types import Batch, Constants, Params, Sentence
from experiments.torch_reference.convert import load_params
from experiments.torch_reference.network import TorchCMAN
from tests.builders import ABLATIONS, STILL, changed, normal, vocabs_of

PAPER = ModelConfig(input_dropout=0.0, lstm_dropout=0.0)
PROJECTED = changed(STILL, feature_dim=5)
CASES = {
    **{name: changed(STILL, **fields) for name, fields in ABLATIONS.items()},
    "sums of the text between": changed(STILL, between_dim=4),
    "factored CRF": changed(STILL, crf="factored"),
    "shared scorer, no class N": changed(STILL, relation_scorer="shared", null_relation=False),
    "paper's widths, frozen words, contextual features": PAPER,
    "projected contextual features": PROJECTED,
}

TRAINING = TrainingConfig(learning_rate=5e-4, clip_norm=1.0, alpha=0.01)
LENGTH, BATCH_SIZE = 16, 6
# One shape that every batch of the tests fits.
DATA = DataConfig(bucket_lengths=(LENGTH,), char_lengths=(6, 32), char_shares=(0.8, 0.8))


class Twins(NamedTuple):
    """The two networks with one set of parameters.

    Attributes:
      model: the JAX network.
      params: the parameters of the JAX network.
      constants: the constants of the JAX network; empty without frozen word vectors.
      vocabs: the vocabularies of the sentences.
      network: the PyTorch network.
    """

    model: CMAN
    params: Params
    constants: Constants
    vocabs: Vocabs
    network: TorchCMAN

    def batch(self, sentences: Sequence[Sentence]) -> Batch:
        """Returns a padded batch of at most `BATCH_SIZE` sentences, with random contextual features."""
        sizes = self.model.sizes
        shapes = [(sizes.feature_layers, len(sentence.tokens), sizes.feature_width) for sentence in sentences]
        features = [normal(seed, *shape).astype("f2") for seed, shape in enumerate(shapes)]
        examples = [encode(s, self.vocabs, each) for s, each in zip(sentences, features, strict=True)]
        return jax.tree.map(jnp.asarray, collate(examples, LENGTH, DATA, BATCH_SIZE, sizes))


def make_twins(config: ModelConfig, sentences: Sequence[Sentence]) -> Twins:
    """Returns twins for the sentences' vocabulary.

    Every parameter is random, even where initialization would set it to 0 or 1.
    """
    vocabs = vocabs_of(sentences, null_relation=config.null_relation)
    constants = {}
    if config == PAPER:
        vocabs = dataclasses.replace(vocabs, frozen_words=True)
        constants = {"word": {"vectors": jnp.asarray(normal(0, vocabs.sizes.num_words, config.word_dim))}}
    sizes = vocabs.sizes
    if config in (PAPER, PROJECTED):
        sizes = sizes._replace(feature_layers=3, feature_width=12)
    model = CMAN(config, sizes)
    params = _random_params(model, constants)
    network = TorchCMAN(config, sizes)
    load_params(network, params, constants)
    return Twins(model, params, constants, vocabs, network)


def _random_params(model: CMAN, constants: Constants) -> Params:
    batch = jax.tree.map(jnp.asarray, collate([], LENGTH, DATA, BATCH_SIZE, model.sizes))

    def init(key: jax.Array) -> Params:
        options: dict[str, Any] = {"train": False, "rngs": {"params": key}, "mutable": ["params"]}
        return model.apply({"constants": constants}, batch, batch.tags, **options)[1]["params"]

    shapes, tree = jax.tree_util.tree_flatten_with_path(jax.eval_shape(init, jax.random.key(0)))
    leaves = []
    for seed, (path, leaf) in enumerate(shapes, 100):  # with these seeds sentences get several entities
        centre = path[-1].key == "scale"  # the scale of a LayerNorm is close to 1
        leaves.append(centre + normal(seed, *leaf.shape, scale=(2 * model.config.lstm_dim) ** -0.5))
    return jax.tree.unflatten(tree, leaves)


def observed_predictions(twins: Twins, batch: Batch) -> tuple[Any, dict[str, Any]]:
    """Returns the tags and relation probabilities of `predict_step`, and the output of every module.

    The keys of the outputs are the modules' names in PyTorch.
    """
    outputs = {}

    def record(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        output = call(*args, **kwargs)
        if context.method_name == "__call__":
            outputs[re.sub(r"^(bsa|bla)_(\d+)", r"\1.\2", ".".join(context.module.path))] = output
        return output

    def run(params: Params, constants: Constants, batch: Batch) -> Any:
        outputs.clear()
        with nn.intercept_methods(record):
            predictions = predict_step(twins.model, params, constants, batch)
        return predictions[:2], dict(outputs)  # marginals have no counterpart and cost compilation

    return jax.device_get(jax.jit(run)(twins.params, twins.constants, batch))
