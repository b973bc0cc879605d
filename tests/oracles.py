"""Plain computations of the library's quantities, by loops, enumeration and complete arrays.

Functions whose gradients serve as references use jax.numpy, and the others use NumPy. Shapes use the
dimension key of cman_jax/types.py.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.types import CRFPotentials

Array = Any


# Linear chains


def path_scores(initial: np.ndarray, pairwise: np.ndarray) -> np.ndarray:
    """Returns the scores of all t^n tag sequences, one axis per token: [t], [n t t] -> [t t ... t]."""
    scores = initial
    for step in pairwise[1:]:
        scores = scores[..., None] + step
    return scores


def path_score(initial: np.ndarray, pairwise: np.ndarray, path: Sequence[int]) -> float:
    """Returns the score of one tag sequence of one sentence: [t], [n t t], n tags -> number."""
    steps = enumerate(itertools.pairwise(path), 1)
    return sum((pairwise[i, a, b] for i, (a, b) in steps), start=initial[path[0]])


def log_sum_exp(scores: np.ndarray) -> float:
    """Computes the log-sum-exp of all entries without overflow."""
    return float(np.max(scores) + np.log(np.sum(np.exp(scores - np.max(scores)))))


def max_recursion(potentials: CRFPotentials, length: int) -> Array:
    """Returns the score of each sentence's best path: the forward recursion, with max for log-sum-exp."""
    best = potentials.initial
    for i in range(1, length):
        best = jnp.max(best[:, :, None] + potentials.pairwise[:, i], 1)
    return jnp.max(best, 1)


# LSTM


def lstm(gates: Array, recurrent_kernel: Array, mask: Array) -> Array:
    """Computes one direction of one sentence, step by step: [n 4d], [d 4d], [n] -> [n d]."""
    h = c = jnp.zeros(recurrent_kernel.shape[0], gates.dtype)
    states = []
    for z, taken in zip(gates, mask, strict=True):
        i, f, g, o = jnp.split(z + h @ recurrent_kernel, 4)
        new_c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        new_h = jax.nn.sigmoid(o) * jnp.tanh(new_c)
        h, c = jnp.where(taken, new_h, h), jnp.where(taken, new_c, c)
        states.append(h)
    return jnp.stack(states)


# Attention


def attention(
    params: dict[str, Any], num_heads: int, queries: np.ndarray, memory: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Computes Eqs. (2) and (3) for one sentence, head by head, over the real rows of the memory."""
    width = queries.shape[1]
    into = {
        name: np.reshape(params[name]["kernel"], (width, num_heads, -1)) for name in ("query", "key", "value")
    }
    out = np.reshape(params["output"]["kernel"], (num_heads, -1, width))
    memory = memory[mask]
    total = np.zeros_like(queries)
    for head in range(num_heads):
        query, key, value = (kernel[:, head] for kernel in into.values())
        scores = (queries @ query) @ (memory @ key).T / np.sqrt(query.shape[1])
        weights = np.exp(scores - scores.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        total += weights @ (memory @ value) @ out[head]
    return total


def layer_norm(params: dict[str, Any], x: Array) -> np.ndarray:
    """Computes layer normalisation over the last axis, with scale and bias."""
    x = np.asarray(x, np.float64)
    centred = x - x.mean(-1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return normed * np.asarray(params["scale"]) + np.asarray(params["bias"])


# Relations


def pairwise_tanh_score(subject: Array, object_: Array, output: Array) -> Array:
    """Computes Eq. (9) with a stored hidden layer: [b f q n], [b f q m], [f r] -> [b r n m]."""
    hidden = jnp.tanh(subject[:, :, :, :, None] + object_[:, :, :, None, :])
    hidden = jnp.broadcast_to(hidden, (*hidden.shape[:2], output.shape[1], *hidden.shape[3:]))
    return jnp.einsum("bfrnm,fr->brnm", hidden, output)


def running_sums(params: dict[str, Any], x: np.ndarray, length: int) -> np.ndarray:
    """Computes the running sums of one sentence token by token: [n d] -> [n k]."""
    into = {name: (np.asarray(params[name]["kernel"]), np.asarray(params[name]["bias"])) for name in params}
    total, sums = np.zeros(1 + len(into["gate"][1])), []
    for t, token in enumerate(x):
        if t < length:
            gate, feature = (token @ kernel + bias for kernel, bias in (into["gate"], into["feature"]))
            total = total + np.concatenate([[1 / 8], np.tanh(feature) / (1 + np.exp(1 - gate))])
        sums.append(total)
    return np.stack(sums)


def relation_score(
    params: dict[str, Any], x: np.ndarray, i: int, j: int, k: int, sums: np.ndarray | None = None
) -> float:
    """Computes `V_k . tanh(U_k x_i + W_k x_j + b_k)` for one cell, with U, W, b per k or shared.

    With running sums, `B_k (F_j - F_i)` is added inside the tanh.
    """
    bias = np.asarray(params["bias"])
    subject, object_ = (
        np.asarray(params[name]["kernel"]).reshape(-1, *bias.shape) for name in ("subject", "object")
    )
    own = k if subject.shape[1] > 1 else 0
    hidden = x[i] @ subject[:, own] + x[j] @ object_[:, own] + bias[own]
    if sums is not None:
        between = np.asarray(params["between"]["kernel"]).reshape(-1, *bias.shape)
        hidden = hidden + (sums[j] - sums[i]) @ between[:, own]
    return float(np.tanh(hidden) @ np.asarray(params["output"])[:, k])


def relation_loss(logits: np.ndarray, length: int, gold: set[tuple[int, int, int]]) -> float:
    """Computes the cross-entropy of one sentence's cells from probabilities, in nats."""
    total = 0.0
    for i, j, k in itertools.product(range(length), range(length), range(logits.shape[-1])):
        probability = 1 / (1 + np.exp(-np.float64(logits[i, j, k])))
        total -= np.log(probability if (i, j, k) in gold else 1 - probability)
    return total


# Optimisation


def adam(gradients: Iterable[np.ndarray], learning_rate: float) -> Iterator[np.ndarray]:
    """Yields the updates of Kingma & Ba's algorithm 1 for one array, and reads gradients when needed."""
    first = second = 0.0
    for t, gradient in enumerate(gradients, 1):
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        yield -learning_rate * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
