"""Losses, perturbation and Adam, Eqs. (11) to (14), one sentence after the other; see layers.py."""

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
    """What is right for a sentence."""

    tags: Array  # [n]
    targets: Array  # [n n r], 1.0 where the relation holds

    @classmethod
    def of(cls, example: Example, num_relations: int, *, null_relation: bool) -> "Gold":
        """With the class 'N', the last, a token that is the subject of nothing points at itself."""
        n = len(example.tags)
        targets = np.zeros((n, n, num_relations))
        for i, j, k in example.relation_cells:
            targets[i, j, k] = 1
        if null_relation:
            for i in set(range(n)) - {int(cell[0]) for cell in example.relation_cells}:
                targets[i, i, -1] = 1
        return cls(example.tags, targets)


class Computed(NamedTuple):
    """All of one sentence, at the unperturbed input unless said otherwise."""

    chain: Chain
    logits: Array
    ner: Array
    relation: Array
    slope: Array  # the length of the gradient by the input
    eta: Array
    gradient: Params  # of L(x) + L(x + η)


class Said(NamedTuple):
    """What the network says of a sentence whose tags, or rather labels, are given."""

    chain: Chain
    logits: Array
    summands: tuple[Array, Array]  # of the scorer, by subject and by object


def said(config: ModelConfig, params: Params, tokens: Tokens, tags: Array) -> Said:
    """The network's answer without any loss."""
    states = token_stack(params, config, token_input(params, tokens))
    third = cross_modal(params, config, states, tags)
    return Said(chain(params, config, states), relation_logits(params, third), summands(params, third))


def relation_loss(logits: Array, targets: Array) -> Array:
    """`Σ_ijk -log P`, P the probability of what is right: -log sigmoid(s) = log(1 + e^{-s})."""
    return jnp.logaddexp(0.0, jnp.where(targets == 1, -logits, logits)).sum()


def perturbation(gradient: Array, alpha: float) -> Array:
    """Eq. (14): `η = alpha sqrt(d_w) g / ||g||`, one norm per sentence; 0 for no gradient."""
    norm = np.linalg.norm(gradient)
    return alpha * np.sqrt(gradient.shape[1]) * gradient / (norm or 1.0)


def loss(
    config: ModelConfig, params: Params, shift: Array, tokens: Tokens, gold: Gold
) -> tuple[Array, tuple[Chain, Array, Array, Array]]:
    """Eq. (13) of the shifted token input, and what it is made of."""
    found, logits = potentials(params, config, token_input(params, tokens) + shift, gold.tags)
    ner = log_z(found) - score(found, gold.tags)
    relation = relation_loss(logits, gold.targets)
    return ner + relation, (found, logits, ner, relation)


class Independent:
    """The network over several sentences, one after the other; compiled once for each number of tokens."""

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
        """Relations are given the best tags and not the gold ones, §3.5."""
        with in_double():
            arguments = to_double(params), Tokens.of(example)
            tags = viterbi(self._predict(*arguments, example.tags).chain)  # which labels do not reach
            return jax.device_get(self._predict(*arguments, np.array(tags, example.tags.dtype)))

    def compute(self, params: Params, examples: Sequence[Example]) -> list[Computed]:
        """All of each sentence, with its gold tags as labels."""
        with in_double():
            return [self._sentence(to_double(params), Tokens.of(e), self._gold(e)) for e in examples]

    def _sentence(self, params: Params, tokens: Tokens, gold: Gold) -> Computed:
        """Two passes and their gradients; the second pass is on the perturbed input."""
        zero = np.zeros((len(gold.tags), self._width))
        (clean, by_input), parts = jax.device_get(self._gradients(params, zero, tokens, gold))
        eta = perturbation(by_input, self._training.alpha)
        (perturbed, _), _ = jax.device_get(self._gradients(params, eta, tokens, gold))
        return Computed(*parts, np.linalg.norm(by_input), eta, jax.tree.map(np.add, clean, perturbed))

    def gradient(self, params: Params, examples: Sequence[Example]) -> Params:
        """Of the mean over sentences."""
        gradients = [each.gradient for each in self.compute(params, examples)]
        return jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *gradients)

    def descend(self, params: Params, batches: Sequence[Sequence[Example]]) -> Params:
        """The parameters after a step of Adam on every batch; the norm of all gradients is clipped first."""
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
