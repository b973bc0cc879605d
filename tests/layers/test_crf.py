"""Tests of the chain against all tag sequences in both precisions, and of its potentials against Eq. (8)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.data.bio import allowed_transitions, tag_names
from cman_jax.layers.crf import constrain, log_partition, marginals, sequence_score, viterbi
from cman_jax.model.tagging import TaggingPotentials
from cman_jax.types import CRFPotentials
from tests import oracles
from tests.builders import TOLERANCES, lengths_to_mask, normal, numeric, precision, random_variables

N, T, B = 6, 5, 4

lengths = st.lists(st.integers(0, N), min_size=B, max_size=B)
cases = given(st.sampled_from([*TOLERANCES]), st.sampled_from([1, 2, T]), lengths, st.integers(0, 2**32 - 1))


@jax.jit
def results(potentials: CRFPotentials, tags: jax.Array, mask: jax.Array) -> dict[str, Any]:
    """Returns the results of all four functions of a chain."""
    return {
        "log_partition": log_partition(potentials, mask),
        "sequence_score": sequence_score(potentials, tags, mask),
        "marginals": marginals(potentials, mask),
        "viterbi": viterbi(potentials, mask),
    }


def random_potentials(dtype: type, t: int, seed: int, n: int = N) -> CRFPotentials:
    """Returns random potentials of t tags and n tokens."""
    values = normal(seed, B, (n + 1), t, t, scale=3, dtype=dtype)
    return CRFPotentials(values[:, 0, 0], values[:, 1:])


def solve(dtype: type, potentials: CRFPotentials, tags: np.ndarray, mask: np.ndarray) -> dict[str, Any]:
    """Returns the results of all four functions, computed in the given precision."""
    with precision(dtype):
        result = results(potentials, tags, mask)
        assert result["log_partition"].dtype == dtype
        return jax.tree.map(np.asarray, result)


def sentence(potentials: CRFPotentials, b: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the potentials of one sentence in float64."""
    return np.float64(potentials.initial[b]), np.float64(potentials.pairwise[b, :length])


def sum_all_but(probability: np.ndarray, *axes: int) -> np.ndarray:
    """Returns the sum over all axes except the given ones."""
    return probability.sum(tuple(set(range(probability.ndim)) - set(axes)))


@numeric
@cases
def test_all_four_results_equal_enumeration(dtype: type, t: int, lengths: list[int], seed: int) -> None:
    potentials, tolerance = random_potentials(dtype, t, seed), TOLERANCES[dtype]
    tags = np.random.default_rng(seed).integers(0, t, (B, N))
    result = solve(dtype, potentials, tags, lengths_to_mask(lengths, N))
    for b, length in enumerate(lengths):
        initial_prob, edge_prob = (m[b] for m in result["marginals"])
        path = result["viterbi"][b]
        assert not path[length:].any()
        assert not edge_prob[max(length, 1) :].any()
        assert not edge_prob[0].any()
        if length == 0:
            assert result["log_partition"][b] == result["sequence_score"][b] == 0
            assert not initial_prob.any()
            continue
        chain = sentence(potentials, b, length)
        scores = oracles.path_scores(*chain)
        log_z = oracles.log_sum_exp(scores)
        close = {"rtol": tolerance, "atol": tolerance}
        np.testing.assert_allclose(result["log_partition"][b], log_z, **close)
        np.testing.assert_allclose(
            result["sequence_score"][b], oracles.path_score(*chain, tags[b, :length]), **close
        )
        np.testing.assert_allclose(oracles.path_score(*chain, path[:length]), scores.max(), **close)
        probability = np.exp(scores - log_z)
        np.testing.assert_allclose(initial_prob, sum_all_but(probability, 0), **close)
        for i in range(1, length):
            np.testing.assert_allclose(edge_prob[i], sum_all_but(probability, i - 1, i), **close)


def test_a_batch_of_sentences_of_one_token() -> None:
    potentials = random_potentials(np.float32, T, 0, n=1)
    result = solve(np.float32, potentials, np.zeros((B, 1), np.int32), np.ones((B, 1), bool))
    np.testing.assert_array_equal(result["viterbi"][:, 0], potentials.initial.argmax(1))
    np.testing.assert_allclose(result["sequence_score"], potentials.initial[:, 0])
    expected = [oracles.log_sum_exp(row) for row in potentials.initial]
    np.testing.assert_allclose(result["log_partition"], expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_of_the_max_recursion_is_the_viterbi_path(seed: int) -> None:
    potentials = random_potentials(np.float32, T, seed)
    mask = np.ones((B, N), bool)
    paths = solve(np.float32, potentials, np.zeros((B, N), np.int32), mask)["viterbi"]
    gradient = jax.grad(lambda p: oracles.max_recursion(p, N).sum())(potentials)
    one_hot = np.eye(T)[paths]
    np.testing.assert_array_equal(gradient.initial, one_hot[:, 0])
    for i in range(1, N):
        edges = one_hot[:, i - 1, :, None] * one_hot[:, i, None, :]
        np.testing.assert_array_equal(gradient.pairwise[:, i], edges)


def test_ties_go_to_the_lower_tag() -> None:
    flat = CRFPotentials(jnp.zeros((1, T)), jnp.zeros((1, N, T, T)))
    assert not viterbi(flat, jnp.ones((1, N), bool)).any()


def test_values_at_padding_change_nothing() -> None:
    lengths = [0, 1, 4, 6]
    mask, potentials = lengths_to_mask(lengths, N), random_potentials(np.float32, T, 1)
    tags = np.random.default_rng(1).integers(0, T, (B, N))
    noise = random_potentials(np.float32, T, 2).pairwise
    garbage = potentials._replace(pairwise=np.where(mask[:, :, None, None], potentials.pairwise, noise))
    expected = solve(np.float32, potentials, tags, mask)
    actual = solve(np.float32, garbage, np.where(mask, tags, T - 1), mask)
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


def test_scores_of_a_thousand_nats_stay_finite() -> None:
    potentials = jax.tree.map(lambda p: p * 1000, random_potentials(np.float32, T, 3))
    tags = np.zeros((B, N), np.int32)
    result = solve(np.float32, potentials, tags, np.ones((B, N), bool))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result))
    np.testing.assert_allclose(result["marginals"].initial.sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [1, 1e3, 1e5])
def test_constraints_forbid_and_change_nothing_else(seed: int, scale: float) -> None:
    start_allowed, allowed = allowed_transitions(tag_names(("A", "B")))
    potentials, mask = random_potentials(np.float32, T, seed), np.ones((B, N), bool)
    potentials = jax.tree.map(lambda p: p * np.float32(scale), potentials)
    free = constrain(potentials, jnp.ones(T, bool), jnp.ones((T, T), bool))
    jax.tree.map(np.testing.assert_array_equal, free, potentials)
    constrained = constrain(potentials, jnp.asarray(start_allowed), jnp.asarray(allowed))
    result = solve(np.float32, constrained, np.zeros((B, N), np.int32), mask)
    assert not result["marginals"].initial[:, ~start_allowed].any()
    assert not result["marginals"].pairwise[:, :, ~allowed].any()
    for b, path in enumerate(result["viterbi"]):
        initial, pairwise = sentence(potentials, b, N)
        scores = oracles.path_scores(
            np.where(start_allowed, initial, -np.inf), np.where(allowed, pairwise, -np.inf)
        )
        np.testing.assert_array_equal(path, np.unravel_index(scores.argmax(), scores.shape))
        np.testing.assert_allclose(result["log_partition"][b], oracles.log_sum_exp(scores), rtol=1e-5)


def module_potentials(kind: str, mask: np.ndarray) -> tuple[dict[str, Any], np.ndarray, CRFPotentials]:
    """Returns random parameters of the layer, random features, and their potentials."""
    x, module = normal(0, B, N, 7), TaggingPotentials(T, kind)
    variables = random_variables(module, x, mask)
    params = jax.tree.map(np.asarray, variables["params"])
    return params, x, jax.jit(module.apply)(variables, x, mask)


def test_pairwise_potentials_are_a_score_per_tag_pair_and_token() -> None:
    params, x, potentials = module_potentials("pairwise", np.ones((B, N), bool))
    kernel, bias = params["scores"]["kernel"], params["scores"]["bias"].reshape(T + 1, T)
    assert kernel.shape == (7, (T + 1) * T)
    kernel = kernel.reshape(7, T + 1, T)
    for b, i, after in np.ndindex(B, N, T):
        for before in range(T):
            expected = kernel[:, before + 1, after] @ x[b, i] + bias[before + 1, after]
            np.testing.assert_allclose(potentials.pairwise[b, i, before, after], expected, rtol=1e-4)
        start = kernel[:, 0, after] @ x[b, 0] + bias[0, after]
        np.testing.assert_allclose(potentials.initial[b, after], start, rtol=1e-4)


def test_factored_potentials_score_as_emissions_transitions_start_and_end() -> None:
    lengths = [0, 1, 4, 6]
    mask = lengths_to_mask(lengths, N)
    params, x, potentials = module_potentials("factored", mask)
    emissions = x @ params["emissions"]["kernel"] + params["emissions"]["bias"]
    tags = np.random.default_rng(0).integers(0, T, (B, N))
    scores = jax.jit(sequence_score)(potentials, tags, mask)
    assert scores[0] == 0
    for b, length in enumerate(lengths[1:], 1):
        path = tags[b, :length]
        expected = (
            params["start"][path[0]] + params["end"][path[-1]] + emissions[b, range(length), path].sum()
        )
        expected += params["transitions"][path[:-1], path[1:]].sum()
        np.testing.assert_allclose(scores[b], expected, rtol=1e-5, atol=1e-5)
