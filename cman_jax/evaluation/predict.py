"""From examples to annotations: the inference step, compiled once per batch shape, over many sentences."""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array

from cman_jax.config import Labels
from cman_jax.data.batching import Example, Plan, first_of_each, plan_batches
from cman_jax.data.bio import allowed_transitions
from cman_jax.evaluation.decode import decode
from cman_jax.evaluation.metrics import Scores, score
from cman_jax.model.ahead import Ahead, compiler_threads
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
def _compiled_step() -> Ahead:
    options = compiler_options()
    return Ahead(jax.jit(predict_step, static_argnums=0, static_argnames="labels", compiler_options=options))


class SystemStep:
    """`predict_step` of a system, compiled once per network and batch shape, for all systems together."""

    def __init__(self, system: System):
        allowed = None
        if system.config.decoding.bio_constraints:
            allowed = tuple(map(jnp.asarray, allowed_transitions(system.vocabs.tags)))
        self._arguments = system.model, system.constants, allowed
        self._labels = system.config.decoding.labels

    def prepare(self, compiler: Executor, params: Params, batch: Batch) -> None:
        """Has the program for batches of this shape compiled; of `params` too only shapes are read."""
        _compiled_step().prepare(compiler, *self._ordered(params, batch), labels=self._labels)

    def __call__(self, params: Params, batch: Batch) -> Predictions:
        """Predicts a batch."""
        return _compiled_step()(*self._ordered(params, batch), labels=self._labels)

    def _ordered(self, params: Params, batch: Batch) -> tuple[Any, ...]:
        model, constants, allowed = self._arguments
        return model, params, constants, batch, allowed


class Predictor:
    """Annotates examples with changing parameters. Attributes: system: the system.

    Args:
      step: None: the system's own network predicts.
    """

    def __init__(self, system: System, step: Step | None = None):
        self.system = system
        self._step = step or SystemStep(system)

    def prepare(self, compiler: Executor, params: Params, examples: Sequence[Example]) -> None:
        """Has the programs for these examples compiled; a step of the caller's own has none."""
        if isinstance(self._step, SystemStep):
            for plan in first_of_each(self._plans(examples), lambda plan: plan.length):
                self._step.prepare(compiler, params, self._collate(examples, plan))

    def __call__(
        self,
        params: Params,
        examples: Sequence[Example],
        on_batch: Callable[[int], None] = lambda num_sentences: None,
    ) -> list[Annotation]:
        """One annotation per example, in their order; `on_batch` hears of every finished batch's size."""
        config, vocabs = self.system.config, self.system.vocabs
        plans = self._plans(examples)
        annotations: list[Annotation | None] = [None] * len(examples)
        with compiler_threads() as compiler:
            if len({plan.length for plan in plans}) > 1:
                self.prepare(compiler, params, examples)
            for plan in plans:
                arrays = Predictions(*map(np.asarray, self._step(params, self._collate(examples, plan))))
                for row, index in enumerate(plan.indices):
                    sentence = Predictions(*(array[row] for array in arrays))
                    length = len(examples[index].word_ids)
                    annotations[index] = decode(sentence, length, vocabs, config.decoding)
                on_batch(len(plan.indices))
        return annotations

    def _plans(self, examples: Sequence[Example]) -> list[Plan]:
        config = self.system.config
        lengths = [len(example.word_ids) for example in examples]
        return plan_batches(lengths, config.data, config.training.batch_size)

    def _collate(self, examples: Sequence[Example], plan: Plan) -> Batch:
        return self.system.collate([examples[i] for i in plan.indices], plan.length)


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
