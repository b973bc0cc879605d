"""Tests of the scan against a loop with automatic gradients, of both directions, and of padding."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.layers.lstm import BiLSTM, lstm_scan, with_reverse
from tests import oracles
from tests.builders import TOLERANCES, lengths_to_mask, normal, numeric, precision, random_variables

N, G, B, D, E = 5, 2, 3, 4, 6


@jax.jit
def scan_and_gradients(gates: Any, kernel: Any, mask: Any, weights: Any) -> Any:
    """Returns the states of `lstm_scan`, and the gradients of their weighted sum."""
    loss = lambda gates, kernel: jnp.sum(lstm_scan(gates, kernel, mask) * weights)  # noqa: E731
    return lstm_scan(gates, kernel, mask), jax.grad(loss, (0, 1))(gates, kernel)


@jax.jit
def loop_and_gradients(gates: Any, kernel: Any, mask: Any, weights: Any) -> Any:
    """Returns the states of a plain loop, and the gradients of their weighted sum."""

    def loop(gates: Any, kernel: Any) -> Any:
        over_sentences = jax.vmap(oracles.lstm, (1, None, 1), 1)
        return jax.vmap(over_sentences)(gates, kernel, mask)

    loss = lambda gates, kernel: jnp.sum(loop(gates, kernel) * weights)  # noqa: E731
    return loop(gates, kernel), jax.grad(loss, (0, 1))(gates, kernel)


masks = st.lists(st.booleans(), min_size=N * G * B, max_size=N * G * B)


@numeric
@given(st.sampled_from([*TOLERANCES]), masks, st.integers(0, 2**32 - 1), st.sampled_from([0.3, 3.0]))
def test_values_and_gradients_equal_a_plain_loop(
    dtype: type, mask: list[bool], seed: int, scale: float
) -> None:
    numbers = [
        normal(seed, G, N, B, 4 * D, scale=scale, dtype=dtype),
        normal(seed + 1, G, D, 4 * D, dtype=dtype),
        np.reshape(mask, (G, N, B)),
        normal(seed + 2, G, N, B, D, dtype=dtype),
    ]
    with precision(dtype):
        actual, expected = scan_and_gradients(*numbers), loop_and_gradients(*numbers)
        jax.tree.map(
            lambda a, e: np.testing.assert_allclose(a, e, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype]),
            actual,
            expected,
        )
        assert actual[0].dtype == dtype


@pytest.mark.parametrize("seed", range(3))
def test_a_state_is_held_where_no_step_is_taken(seed: int) -> None:
    mask = np.random.default_rng(seed).random((G, N, B)) < 0.5
    states = np.asarray(jax.jit(lstm_scan)(normal(seed, G, N, B, 4 * D), normal(seed, G, D, 4 * D), mask))
    before = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], 1)
    np.testing.assert_array_equal(states[~mask], before[~mask])
    assert (states[mask] != before[mask]).any(1).all()


EXAMPLE = (jnp.zeros((1, 1, E)), jnp.ones((1, 1), bool))


@pytest.fixture(scope="module")
def variables() -> Any:
    """Returns random variables of a BiLSTM."""
    return random_variables(BiLSTM(D), *EXAMPLE, scale=0.5)


@jax.jit
def run(variables: Any, x: Any, mask: Any) -> Any:
    return BiLSTM(D).apply(variables, x, mask)


@jax.jit
def project(variables: Any, x: Any) -> Any:
    return BiLSTM(D).apply(variables, x, method="project")


@jax.jit
def final(variables: Any, gates: Any, mask: Any) -> Any:
    return BiLSTM(D).apply(variables, gates, mask, method="final")


def test_both_directions_equal_loops_over_single_sentences(variables: Any) -> None:
    lengths = [5, 2, 0]
    mask, x = lengths_to_mask(lengths, N), normal(1, B, N, E)
    gates = np.asarray(project(variables, with_reverse(jnp.asarray(x))))
    outputs, last = run(variables, x, mask), final(variables, gates, mask)
    kernel, loop = variables["params"]["recurrent_kernel"], jax.jit(oracles.lstm)
    for b, length in enumerate(lengths):
        assert not outputs[b, length:].any()
        if length == 0:
            assert not last[b].any()
            continue
        taken = np.ones(length, bool)
        forward = loop(gates[0, :length, b], kernel[0], taken)
        backward = loop(gates[1, N - length :, b], kernel[1], taken)
        expected = np.concatenate([forward, backward[::-1]], -1)
        np.testing.assert_allclose(outputs[b, :length], expected, rtol=1e-5, atol=1e-6)
        ends = np.concatenate([forward[-1], backward[-1]])
        np.testing.assert_allclose(last[b], ends, rtol=1e-5, atol=1e-6)


def test_forward_reads_no_later_token_and_backward_no_earlier(variables: Any) -> None:
    mask = np.ones((1, N), bool)
    jacobian = jax.jacrev(lambda x: run(variables, x, mask)[0])(normal(2, 1, N, E))[:, :, 0]
    for half, direction in ((slice(None, D), 1), (slice(D, None), -1)):
        reads = np.abs(jacobian[:, half]).sum((1, 3)) > 0  # [output token, input token]
        order = np.arange(N) * direction
        np.testing.assert_array_equal(reads, order[:, None] >= order[None])


def test_padding_never_leaks(variables: Any) -> None:
    mask, x = lengths_to_mask([5, 2, 0], N), normal(3, B, N, E)
    garbage = np.where(mask[:, :, None], x, 1e3 * normal(4, B, N, E))
    np.testing.assert_array_equal(run(variables, garbage, mask), run(variables, x, mask))
    gradient = jax.grad(lambda x: run(variables, x, mask).sum())(garbage)
    assert not gradient[~mask].any()
    assert np.isfinite(gradient).all()


def test_a_fresh_bilstm_remembers_and_has_orthogonal_recurrent_weights() -> None:
    variables = jax.jit(BiLSTM(D).init)(jax.random.key(0), *EXAMPLE)
    bias = project(variables, jnp.zeros((2, 1, E)))[:, 0]
    np.testing.assert_array_equal(bias, np.tile(np.repeat([0.0, 1, 0, 0], D), (2, 1)))
    for kernel in variables["params"]["recurrent_kernel"]:
        np.testing.assert_allclose(kernel @ kernel.T, np.eye(D), atol=1e-6)
    share = project(variables, np.stack([np.eye(E, dtype=np.float32)] * 2)) - bias[:, None]
    limit = np.sqrt(6 / (E + D))  # Glorot & Bengio, for each gate's own [e d] block
    assert 0.9 * limit < np.abs(share).max() <= limit


def test_extreme_gates_give_finite_states_and_gradients() -> None:
    gates, kernel = normal(0, G, N, B, 4 * D, scale=1e4), normal(1, G, D, 4 * D)
    states, gradients = scan_and_gradients(gates, kernel, np.ones((G, N, B), bool), np.ones((G, N, B, D)))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((states, gradients)))
