"""Tests of BERT's network against loops over sentences and heads in double precision."""

import math
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.network import Bert
from cman_jax.encoders.bert.weights import params_from_checkpoint
from tests.builders import lengths_to_mask, normal

HEADS, WIDTH, INNER, LAYERS, EPSILON = 2, 6, 10, 3, 1e-5
CONFIG = BertConfig("bert", 11, 9, WIDTH, LAYERS, HEADS, INNER, EPSILON)
NETWORK = Bert(CONFIG)
LENGTHS = [7, 4, 0]
MASK = lengths_to_mask(LENGTHS, 7)
IDS = np.random.default_rng(0).integers(0, 11, MASK.shape).astype(np.int32)


def checkpoint() -> dict[str, np.ndarray]:
    """Returns random arrays under the names of the published file."""
    shapes = {"word": (11, WIDTH), "position": (9, WIDTH), "token_type": (2, WIDTH)}
    shapes = {f"embeddings.{name}_embeddings.weight": shape for name, shape in shapes.items()}
    maps = dict.fromkeys((f"attention.self.{name}" for name in ("query", "key", "value")), (WIDTH, WIDTH))
    maps |= {"attention.output.dense": (WIDTH, WIDTH)}
    maps |= {"intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
    maps |= dict.fromkeys(("attention.output.LayerNorm", "output.LayerNorm"), (WIDTH,))
    maps = {f"encoder.layer.{i}.{name}": shape for i in range(LAYERS) for name, shape in maps.items()}
    for name, shape in {"embeddings.LayerNorm": (WIDTH,), **maps}.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return {name: normal(seed, *shape) for seed, (name, shape) in enumerate(shapes.items())}


def oracle(weights: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """Returns all hidden states of one sentence: [n] -> [l n d]."""
    weights = {name: array.astype(np.float64) for name, array in weights.items()}

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
        return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attention(name: str, x: np.ndarray) -> np.ndarray:
        parts = [np.split(dense(f"{name}.{part}", x), HEADS, -1) for part in ("query", "key", "value")]
        heads = []
        for query, key, value in zip(*parts, strict=True):
            scores = np.exp(query @ key.T / math.sqrt(WIDTH / HEADS))
            heads.append(scores / scores.sum(-1, keepdims=True) @ value)
        return np.concatenate(heads, -1)

    gelu = np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2)
    tables = [weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")]
    states = [norm("embeddings.LayerNorm", tables[0][ids] + tables[1][: len(ids)] + tables[2][0])]
    for name in (f"encoder.layer.{i}" for i in range(LAYERS)):
        attended = dense(f"{name}.attention.output.dense", attention(f"{name}.attention.self", states[-1]))
        x = norm(f"{name}.attention.output.LayerNorm", states[-1] + attended)
        inner = gelu(dense(f"{name}.intermediate.dense", x))
        states.append(norm(f"{name}.output.LayerNorm", x + dense(f"{name}.output.dense", inner)))
    return np.stack(states)


@pytest.fixture(scope="module")
def variables() -> Any:
    """Returns the variables of the network."""
    return {"params": params_from_checkpoint(checkpoint(), CONFIG)}


@pytest.fixture(scope="module")
def apply() -> Any:
    """Returns the compiled network."""
    return jax.jit(NETWORK.apply)


def test_all_hidden_states_equal_those_of_the_loops(apply: Any, variables: Any) -> None:
    states = np.asarray(apply(variables, IDS, MASK))
    assert states.shape[0] == LAYERS + 1
    for b, length in enumerate(LENGTHS[:2]):
        expected = oracle(checkpoint(), IDS[b, :length])
        np.testing.assert_allclose(states[:, b, :length], expected, rtol=1e-4, atol=1e-4)


def test_padding_is_zero_and_changes_nothing(apply: Any, variables: Any) -> None:
    states = np.asarray(apply(variables, IDS, MASK))
    assert not states[:, ~MASK].any()
    assert np.isfinite(states).all()
    garbage = np.where(MASK, IDS, (IDS + 1) % 11)
    np.testing.assert_array_equal(apply(variables, garbage, MASK), states)
    shorter = apply(variables, IDS[1:2, :4], MASK[1:2, :4])
    np.testing.assert_allclose(shorter, states[:, 1:2, :4], rtol=1e-5, atol=1e-5)


def test_a_checkpoint_fills_exactly_the_parameters_of_the_network(variables: Any) -> None:
    expected = jax.eval_shape(NETWORK.init, jax.random.key(0), IDS, MASK)
    assert jax.tree.map(np.shape, variables) == jax.tree.map(lambda leaf: leaf.shape, expected)
