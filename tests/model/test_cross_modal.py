"""Tests of the two attention units against their formulas, and of the places of their dropout."""

import functools
from typing import Any

import jax
import numpy as np
import pytest
from flax import linen as nn

from cman_jax.model.cross_modal import BLA, BSA, SequenceLayer
from tests import oracles
from tests.builders import lengths_to_mask, normal, random_variables

B, N, E, D, HEADS = 3, 5, 6, 4, 2
MASK = lengths_to_mask([5, 2, 0], N)
X, LABELS = normal(0, B, N, 2 * D), normal(1, B, N, E)


class LabelAttention(BLA):
    """BLA with its two methods in one."""

    def attend(self, x: Any, labels: Any, mask: Any, *, train: bool) -> Any:
        """Returns `BLA(X, L)` for label embeddings that are not encoded."""
        return self(x, self.encode_labels(labels, mask), mask, train=train)


def compiled(unit: nn.Module, *inputs: Any, method: str = "__call__") -> tuple[Any, Any]:
    """Returns the unit as a function of (variables, *inputs), and random variables.

    Dropout is active if the function is called with a key.
    """

    def run(variables: Any, *inputs: Any, key: Any = None) -> Any:
        rngs = {} if key is None else {"dropout": key}
        return unit.apply(variables, *inputs, train=key is not None, rngs=rngs, method=method)

    return jax.jit(run), random_variables(unit, *inputs, train=False, method=method)


@functools.cache
def bsa(sequence_layer: str = "bilstm", attention: bool = True) -> tuple[Any, Any]:
    """Returns a compiled BSA and its variables."""
    return compiled(BSA(D, HEADS, sequence_layer, 0.5, attention), X, MASK)


@functools.cache
def bla(sequence_layer: str = "bilstm") -> tuple[Any, Any]:
    """Returns a compiled BLA and its variables; its dropout removes all labels in training."""
    return compiled(LabelAttention(D, HEADS, sequence_layer, 0.999999), X, LABELS, MASK, method="attend")


def encoded(params: Any, x: np.ndarray) -> np.ndarray:
    """Returns the states of a sequence layer with these parameters."""
    module = SequenceLayer(D, "bilstm" if "bilstm" in params else "mlp")
    return np.asarray(jax.jit(module.apply)({"params": params}, x, MASK))


def assert_is_normed_attention(actual: Any, params: Any, residual: np.ndarray, memory: np.ndarray) -> None:
    """Asserts `actual = LayerNorm(residual + MHA(residual, memory, memory))` at real tokens."""
    for b, mask in enumerate(MASK[:2]):
        summed = residual[b] + oracles.attention(params["attention"], HEADS, residual[b], memory[b], mask)
        expected = oracles.layer_norm(params["norm"], summed)[mask]
        np.testing.assert_allclose(actual[b][mask], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sequence_layer", ["bilstm", "mlp"])
def test_bsa_is_layer_norm_of_its_states_plus_self_attention(sequence_layer: str) -> None:
    run, variables = bsa(sequence_layer)
    states = encoded(variables["params"]["encoder"], X)
    assert_is_normed_attention(run(variables, X, MASK), variables["params"], states, states)


def test_bsa_without_attention_is_its_sequence_layer() -> None:
    run, variables = bsa(attention=False)
    assert set(variables["params"]) == {"encoder"}
    actual = run(variables, X, MASK)
    np.testing.assert_allclose(actual, encoded(variables["params"]["encoder"], X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sequence_layer", ["bilstm", "mlp"])
def test_bla_is_layer_norm_of_the_tokens_plus_attention_to_label_states(sequence_layer: str) -> None:
    run, variables = bla(sequence_layer)
    memory = encoded(variables["params"]["label_encoder"], LABELS)
    assert_is_normed_attention(run(variables, X, LABELS, MASK), variables["params"], X, memory)


def test_the_mlp_is_a_tanh_layer_per_token_and_zero_at_padding() -> None:
    module = SequenceLayer(D, "mlp")
    variables = random_variables(module, X, MASK)
    dense = jax.tree.map(np.asarray, variables["params"]["mlp"])
    expected = np.tanh(X @ dense["kernel"] + dense["bias"]) * MASK[:, :, None]
    np.testing.assert_allclose(jax.jit(module.apply)(variables, X, MASK), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [bsa, bla])
def test_padding_never_leaks(make: Any) -> None:
    run, variables = make()
    inputs = [X] if make is bsa else [X, LABELS]
    garbage = [np.where(MASK[:, :, None], x, 1e3) for x in inputs]
    actual, expected = run(variables, *garbage, MASK), run(variables, *inputs, MASK)
    np.testing.assert_array_equal(actual[MASK], expected[MASK])
    assert np.isfinite(actual).all()


def test_dropout_in_bsa_acts_on_the_states_and_scales_the_kept_entries() -> None:
    run, variables = bsa(attention=False)
    whole = run(variables, X, MASK)[MASK]
    dropped = run(variables, X, MASK, key=jax.random.key(0))[MASK]
    kept = np.asarray(dropped != 0)
    assert 0.2 < kept.mean() < 0.8
    np.testing.assert_allclose(dropped[kept], 2 * whole[kept], rtol=1e-5)


def test_dropout_in_bla_acts_on_the_label_states_and_never_on_the_residual() -> None:
    run, variables = bla()
    dropped = run(variables, X, LABELS, MASK, key=jax.random.key(0))
    expected = oracles.layer_norm(variables["params"]["norm"], X)
    np.testing.assert_allclose(dropped, expected, rtol=1e-3, atol=1e-4)
