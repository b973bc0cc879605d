"""The steps of inference as pure functions, and as programs of a system, compiled once per batch shape.

Batches of the configured buckets are predicted in one step. Long sentences take two steps: the first returns
vectors of the tokens, the second scores the relations of the requested pairs of tokens.
"""

import functools
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int

from cman_jax.compilation import Ahead
from cman_jax.data.bio import allowed_transitions
from cman_jax.layers.crf import constrain, marginals, viterbi
from cman_jax.layers.products import in_precision
from cman_jax.model.network import JointNetwork
from cman_jax.programs import KeptProgram, register
from cman_jax.run.system import System
from cman_jax.types import (
    Batch,
    Constants,
    CRFPotentials,
    Params,
    PieceBatch,
    Predictions,
    TokenPredictions,
)

register(Batch, PieceBatch, Predictions, TokenPredictions)

Allowed = tuple[Array, Array] | None
"""First tags and transitions to constrain decoding to; None leaves the chain free."""


def predict_step(
    model: JointNetwork,
    params: Params,
    constants: Constants,
    batch: Batch,
    allowed: Allowed = None,
    labels: Int[Array, "b n"] | None = None,
) -> Predictions:
    """Predicts Viterbi tags, then relation probabilities given the tags (§3.5).

    Args:
      model: the network.
      params, constants: its arrays.
      batch: the sentences.
      allowed: what the tags are constrained to.
      labels: the tags that relations read in place of the predicted ones.
    """
    variables = {"params": params, "constants": constants}
    return model.apply(variables, batch, allowed, labels, method=_predict)


def predict_tokens(
    model: JointNetwork,
    params: Params,
    constants: Constants,
    batch: Batch,
    allowed: Allowed = None,
    labels: Int[Array, "b n"] | None = None,
) -> TokenPredictions:
    """Computes what `predict_step` computes, except the scores of pairs of tokens.

    The arguments are those of `predict_step`.
    """
    variables = {"params": params, "constants": constants}
    return model.apply(variables, batch, allowed, labels, method=_predict_tokens)


def predict_pairs(
    model: JointNetwork, params: Params, subjects: Float[Array, "b n d"], objects: Float[Array, "b m d"]
) -> Float[Array, "b n m r"]:
    """Predicts relation probabilities of some of the tokens of `predict_tokens`."""
    score = lambda model: model.relation(subjects, objects)  # noqa: E731
    return nn.sigmoid(model.apply({"params": params}, method=score))


def _predict(
    model: JointNetwork, batch: Batch, allowed: Allowed, labels: Int[Array, "b n"] | None
) -> Predictions:
    tokens = _predict_tokens(model, batch, allowed, labels)
    return with_relations(tokens, nn.sigmoid(model.relation(tokens.relation_tokens)))


def _predict_tokens(
    model: JointNetwork, batch: Batch, allowed: Allowed, labels: Int[Array, "b n"] | None
) -> TokenPredictions:
    x, tagging = tag_tokens(model, batch)
    tagging, tags = decide(tagging, batch, allowed)
    relation_tokens = read_labels(model, x, tags if labels is None else labels, batch)
    probabilities = marginals(tagging, batch.mask)
    return TokenPredictions(tags, probabilities.initial, probabilities.pairwise, relation_tokens)


def tag_tokens(model: JointNetwork, batch: Batch) -> tuple[Float[Array, "b n d"], CRFPotentials]:
    """Returns a bound network's states of the tokens, and the potentials of their tags."""
    x = model.encode_tokens(model.encode_inputs(batch), batch.mask, train=False)
    return x, model.tag(x, batch.mask)


def decide(tagging: CRFPotentials, batch: Batch, allowed: Allowed) -> tuple[CRFPotentials, Int[Array, "b n"]]:
    """Returns the potentials, constrained to what is allowed, and the tags that Viterbi finds."""
    if allowed is not None:
        tagging = constrain(tagging, *allowed)
    return tagging, viterbi(tagging, batch.mask)


def read_labels(
    model: JointNetwork, x: Float[Array, "b n d"], tags: Int[Array, "b n"], batch: Batch
) -> Float[Array, "b n _"]:
    """Returns what a bound network's relation scorer reads of each token, given the tags."""
    label_states = model.encode_labels(tags, batch.mask)
    return model.relation_tokens(x, label_states, batch.mask, train=False)


def with_relations(tokens: TokenPredictions, relation_prob: Float[Array, "b n n r"]) -> Predictions:
    """Returns the predictions of a batch from those of its tokens and of all pairs of tokens."""
    return Predictions(tokens.tags, relation_prob, tokens.initial_prob, tokens.edge_prob)


@functools.cache
def _compiled(step: Callable[..., Any], precision: str) -> Ahead:
    """Returns a step's programs in a precision, one per network and shapes, which all systems share."""
    return Ahead(KeptProgram(in_precision(precision, step), precision))


class SystemStep:
    """The steps of a system."""

    predict, tokens_of, pairs_of = map(staticmethod, (predict_step, predict_tokens, predict_pairs))

    def __init__(self, system: System):
        allowed = allowed_transitions(system.vocabs.tags)
        if not system.config.decoding.bio_constraints:  # training and extraction share one program
            allowed = tuple(map(np.ones_like, allowed))
        self._arguments = system.model, system.constants, tuple(map(jnp.asarray, allowed))
        self._precision = system.config.decoding.precision

    def prepare(self, compiler: Executor, params: Params, batch: Batch, *, alone: bool = False) -> None:
        """Starts compiling the program for batches of this shape; of `params`, only shapes are read.

        Args:
          alone: the batch is one long sentence, for `tokens`.
        """
        step = self.tokens_of if alone else self.predict
        self._compiled(step).prepare(compiler, *self._ordered(params, batch))

    def __call__(self, params: Params, batch: Batch) -> Predictions:
        """Predicts a batch."""
        return self._compiled(self.predict)(*self._ordered(params, batch))

    def tokens(self, params: Params, batch: Batch) -> TokenPredictions:
        """Predicts the tokens of a long sentence."""
        return self._compiled(self.tokens_of)(*self._ordered(params, batch))

    def pairs(
        self, params: Params, subjects: Float[np.ndarray, "b n d"], objects: Float[np.ndarray, "b m d"]
    ) -> Float[Array, "b n m r"]:
        """Predicts relations between tokens of a long sentence."""
        model, _, _ = self._arguments
        return self._compiled(self.pairs_of)(model, params, subjects, objects)

    def _compiled(self, step: Callable[..., Any]) -> Ahead:
        return _compiled(step, self._precision)

    def _ordered(self, params: Params, batch: Batch) -> tuple[Any, ...]:
        model, constants, allowed = self._arguments
        return model, params, constants, batch, allowed
