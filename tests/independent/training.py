"""Losses, perturbation and Adam, Eqs. (11) to (14), sentence by sentence; see layers.py on "independent"."""

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.config import ModelConfig, TrainingConfig
from cman_jax.data.batching import Example
from cman_jax.types import Sizes
from tests import oracles
from tests.independent.chain import log_z, score, viterbi
from tests.independent.layers import Array, Params, in_double, to_double
from tests.independent.network import (
    Chain,
    Tokens,
    chain,
    cross_modal,
    potentials,
    relation_logits,
    summands,
    token_input,
    token_stack,
)


class Gold(NamedTuple):
    """The right answer for a sentence."""

    tags: Array  # [n]
    targets: Array  # [n n r], 1.0 where the relation holds

    @classmethod
    def of(cls, example: Example, num_relations: int, *, null_relation: bool) -> "Gold":
        """Returns the gold of a sentence in ids.

        With the class 'N', which is the last, a token that is not a subject points at itself.
        """
        n = len(example.tags)
        targets = np.zeros((n, n, num_relations))
        for i, j, k in example.relation_cells:
            targets[i, j, k] = 1
        if null_relation:
            for i in set(range(n)) - {int(cell[0]) for cell in example.relation_cells}:
                targets[i, i, -1] = 1
        return cls(example.tags, targets)


class Computed(NamedTuple):
    """The results for one sentence, at the unperturbed input unless a comment says otherwise."""

    chain: Chain
    logits: Array
    ner: Array
    relation: Array
    slope: Array  # the norm of the gradient with respect to the input
    eta: Array
    gradient: Params  # of L(x) + L(x + η)


class Said(NamedTuple):
    """The network's output for a sentence with these tags as labels."""

    chain: Chain
    logits: Array
    summands: tuple[Array, Array]  # of the scorer, by subject and by object


def said(config: ModelConfig, params: Params, tokens: Tokens, tags: Array) -> Said:
    """Returns the network's output, without any loss."""
    states = token_stack(params, config, token_input(params, tokens))
    third = cross_modal(params, config, states, tags)
    return Said(chain(params, config, states), relation_logits(params, third), summands(params, third))


def relation_loss(logits: Array, targets: Array) -> Array:
    """Returns `Σ_ijk -log P`, where P is the probability of the right answer.

    -log sigmoid(s) = log(1 + e^{-s}).
    """
    return jnp.logaddexp(0.0, jnp.where(targets == 1, -logits, logits)).sum()


def perturbation(gradient: Array, alpha: float) -> Array:
    """Returns `η = alpha sqrt(d_w) g / ||g||`, Eq. (14), one norm per sentence; 0 without gradient."""
    norm = np.linalg.norm(gradient)
    return alpha * np.sqrt(gradient.shape[1]) * gradient / (norm or 1.0)


def loss(
    config: ModelConfig, params: Params, shift: Array, tokens: Tokens, gold: Gold
) -> tuple[Array, tuple[Chain, Array, Array, Array]]:
    """Returns the loss of the shifted token input, Eq. (13), and its parts."""
    found, logits = potentials(params, config, token_input(params, tokens) + shift, gold.tags)
    ner = log_z(found) - score(found, gold.tags)
    relation = relation_loss(logits, gold.targets)
    return ner + relation, (found, logits, ner, relation)


class Independent:
    """The independent network over several sentences, one by one; compiled once per number of tokens."""

    def __init__(self, config: ModelConfig, training: TrainingConfig, sizes: Sizes):
        self._training, self._width = (
            training,
            2 * config.char_lstm_dim + config.word_dim + config.feature_dim,
        )
        self._gold = functools.partial(
            Gold.of, num_relations=sizes.num_relations, null_relation=config.null_relation
        )
        self._gradients = jax.jit(jax.grad(functools.partial(loss, config), (0, 1), has_aux=True))
        self._predict = jax.jit(functools.partial(said, config))

    def predict(self, params: Params, example: Example) -> Said:
        """Returns the output with the best tags as labels instead of the gold tags, §3.5."""
        with in_double():
            arguments = to_double(params), Tokens.of(example)
            tags = viterbi(
                self._predict(*arguments, example.tags).chain
            )  # the chain does not read the labels
            return jax.device_get(self._predict(*arguments, np.array(tags, example.tags.dtype)))

    def compute(self, params: Params, examples: Sequence[Example]) -> list[Computed]:
        """Returns the results for each sentence, with its gold tags as labels."""
        with in_double():
            return [self._sentence(to_double(params), Tokens.of(e), self._gold(e)) for e in examples]

    def _sentence(self, params: Params, tokens: Tokens, gold: Gold) -> Computed:
        """Returns the results of two passes and their gradients; the second pass has the perturbed input."""
        zero = np.zeros((len(gold.tags), self._width))
        (clean, by_input), parts = jax.device_get(self._gradients(params, zero, tokens, gold))
        eta = perturbation(by_input, self._training.alpha)
        (perturbed, _), _ = jax.device_get(self._gradients(params, eta, tokens, gold))
        return Computed(*parts, np.linalg.norm(by_input), eta, jax.tree.map(np.add, clean, perturbed))

    def gradient(self, params: Params, examples: Sequence[Example]) -> Params:
        """Returns the gradient of the mean over sentences."""
        gradients = [each.gradient for each in self.compute(params, examples)]
        return jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *gradients)

    def descend(self, params: Params, batches: Sequence[Sequence[Example]]) -> Params:
        """Returns the parameters after a step of Adam on each batch, with the global norm clipped first."""
        params = to_double(params)
        leaves, tree = jax.tree.flatten(params)
        ends = np.cumsum([leaf.size for leaf in leaves])[:-1]

        def gradients() -> Iterator[np.ndarray]:
            for batch in batches:
                current = jax.tree.unflatten(tree, leaves)
                gradient = jax.tree.leaves(self.gradient(current, batch))
                vector = np.concatenate([leaf.reshape(-1) for leaf in gradient])
                clip, norm = self._training.clip_norm, np.linalg.norm(vector)
                yield vector * min(1.0, clip / norm) if clip else vector

        for update in oracles.adam(gradients(), self._training.learning_rate):
            parts = np.split(update, ends)
            leaves = [x + part.reshape(x.shape) for x, part in zip(leaves, parts, strict=True)]
        return jax.tree.unflatten(tree, leaves)
