"""From examples to annotations: the inference step, compiled once per batch shape, over many sentences."""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array

from cman_jax.config import Labels
from cman_jax.data.batching import Example, plan_batches
from cman_jax.data.bio import allowed_transitions
from cman_jax.evaluation.decode import decode
from cman_jax.evaluation.metrics import Scores, score
from cman_jax.model.crf import constrain, marginals, viterbi
from cman_jax.model.network import JointNetwork
from cman_jax.model.platform import compiler_options
from cman_jax.system import System
from cman_jax.types import Annotation, Batch, Constants, Params, Predictions, Sentence

Step = Callable[[Params, Batch], Predictions]
"""Predicts a batch."""


def predict_step(
    model: JointNetwork,
    params: Params,
    constants: Constants,
    batch: Batch,
    allowed: tuple[Array, Array] | None = None,
    labels: Labels = "predicted",
) -> Predictions:
    """Viterbi tags, then relation probabilities given them (§3.5).

    Args:
      allowed: first tags and transitions to constrain decoding to; None leaves the chain free.
      labels: "gold": the relations are given `batch.tags` instead, which nothing else reads (Table 3).
    """
    variables = {"params": params, "constants": constants}
    return model.apply(variables, batch, allowed, labels, method=_predict)


def _predict(
    model: JointNetwork, batch: Batch, allowed: tuple[Array, Array] | None, labels: Labels
) -> Predictions:
    mask = batch.mask
    x = model.encode_tokens(model.encode_inputs(batch), mask, train=False)
    tagging = model.tag(x, mask)
    if allowed is not None:
        tagging = constrain(tagging, *allowed)
    tags = viterbi(tagging, mask)
    memories = model.encode_labels(batch.tags if labels == "gold" else tags, mask)
    logits = model.relate(x, memories, mask, train=False)
    probabilities = marginals(tagging, mask)
    return Predictions(tags, nn.sigmoid(logits), probabilities.initial, probabilities.pairwise)


@functools.cache
def _compiled_step() -> Callable[..., Predictions]:
    options = compiler_options()
    return jax.jit(predict_step, static_argnums=0, static_argnames="labels", compiler_options=options)


def step_of(system: System) -> Step:
    """`predict_step` of the system, compiled once per network and batch shape, for all systems together."""
    allowed = None
    if system.config.decoding.bio_constraints:
        allowed = tuple(map(jnp.asarray, allowed_transitions(system.vocabs.tags)))
    labels = system.config.decoding.labels
    return lambda params, batch: _compiled_step()(
        system.model, params, system.constants, batch, allowed, labels=labels
    )


class Predictor:
    """Annotates examples with changing parameters. Attributes: system: the system.

    Args:
      step: None: the system's own network predicts.
    """

    def __init__(self, system: System, step: Step | None = None):
        self.system = system
        self._step = step or step_of(system)

    def __call__(
        self,
        params: Params,
        examples: Sequence[Example],
        on_batch: Callable[[int], None] = lambda num_sentences: None,
    ) -> list[Annotation]:
        """One annotation per example, in their order; `on_batch` hears of every finished batch's size."""
        config, vocabs = self.system.config, self.system.vocabs
        lengths = [len(example.word_ids) for example in examples]
        annotations: list[Annotation | None] = [None] * len(examples)
        for plan in plan_batches(lengths, config.data, config.training.batch_size):
            members = [examples[i] for i in plan.indices]
            batch = self.system.collate(members, plan.length)
            arrays = Predictions(*map(np.asarray, self._step(params, batch)))
            for row, index in enumerate(plan.indices):
                sentence = Predictions(*(array[row] for array in arrays))
                annotations[index] = decode(sentence, lengths[index], vocabs, config.decoding)
            on_batch(len(plan.indices))
        return annotations


def score_annotations(system: System, gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Scores:
    """Scores under every convention, over the system's types and by its config's overlap rule."""
    vocabs = system.vocabs
    return score(
        gold,
        annotations,
        entity_types=vocabs.entity_types,
        relation_types=vocabs.relation_types,
        overlap=system.config.scoring.overlap,
    )
