"""Tests of the fused pairwise score against the formula with complete arrays, for summands of all sizes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.layers.pairwise import pairwise_tanh_score
from tests import oracles
from tests.builders import TOLERANCES, normal, numeric, precision

B, N, F, R = 2, 4, 5, 3


def scores_and_gradients(score: Any, subject: Any, object_: Any, output: Any, weights: Any) -> Any:
    """Returns the scores, and the gradients of their weighted sum."""
    loss = lambda *arguments: jnp.sum(score(*arguments) * weights)  # noqa: E731
    return score(subject, object_, output), jax.grad(loss, (0, 1, 2))(subject, object_, output)


fused = jax.jit(lambda *arguments: scores_and_gradients(pairwise_tanh_score, *arguments))


plain = jax.jit(lambda *arguments: scores_and_gradients(oracles.pairwise_tanh_score, *arguments))


def inputs(seed: int, groups: int, scale: float, dtype: type = np.float32) -> list[np.ndarray]:
    """Returns inputs with different numbers of subjects and objects, so that a swap of axes is noticed."""
    shapes = [(B, F, groups, N), (B, F, groups, N + 1), (F, R), (B, R, N, N + 1)]
    scales = [scale, scale, 1, 1]
    return [normal(seed + i, *shape, scale=scales[i], dtype=dtype) for i, shape in enumerate(shapes)]


@numeric
@given(
    st.sampled_from([*TOLERANCES]),
    st.sampled_from([1, R]),
    st.integers(0, 2**31),
    st.sampled_from([0.01, 1, 5]),
)
def test_values_and_gradients_equal_the_formula_with_complete_arrays(
    dtype: type, groups: int, seed: int, scale: float
) -> None:
    numbers = inputs(seed, groups, scale, dtype)
    with precision(dtype):
        actual, expected = fused(*numbers), plain(*numbers)
        assert actual[0].dtype == dtype
        jax.tree.map(
            lambda a, e: np.testing.assert_allclose(a, e, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype]),
            actual,
            expected,
        )


def in_float64(subject: Any, object_: Any, output: Any, weights: Any) -> tuple[np.ndarray, ...]:
    """Computes Eq. (9) and its gradients in float64, with a derivative of tanh without cancellation."""
    subject, object_, output, weights = (
        np.asarray(x, np.float64) for x in (subject, object_, output, weights)
    )
    total = subject[:, :, :, :, None] + object_[:, :, :, None]
    smaller = np.exp(-2 * np.abs(total))
    each = weights[:, None] * output[None, :, :, None, None]  # a shared unit has their sum
    each = each if subject.shape[2] > 1 else each.sum(2, keepdims=True)
    d_total = each * 4 * smaller / (1 + smaller) ** 2
    hidden = np.broadcast_to(np.tanh(total), (*total.shape[:2], output.shape[1], *total.shape[3:]))
    score = np.einsum("bfrnm,fr->brnm", hidden, output)
    return score, d_total.sum(4), d_total.sum(3), np.einsum("bfrnm,brnm->fr", hidden, weights)


def assert_exact(numbers: Any, actual: Any, expected: Any) -> None:
    """Asserts equality up to 1e-5 of an array's largest entry, or up to the rounding of sums that cancel."""
    floors = [np.abs(numbers[2]).sum(), 0, 0, np.abs(numbers[3]).sum()]
    for ours, right, floor in zip((actual[0], *actual[1]), expected, floors, strict=True):
        assert np.isfinite(ours).all()
        tolerance = max(1e-5 * np.abs(right).max(), np.finfo(np.float32).eps * floor, 1e-30)
        np.testing.assert_allclose(ours, right, rtol=0, atol=tolerance)


@numeric
@given(
    st.sampled_from([1, R]),
    st.integers(1, 12),
    st.integers(1, 12),
    st.floats(1, 100),
    st.sampled_from([1, 1e-6]),
    st.integers(0, 2**31),
)
def test_summands_of_any_size_are_exact(
    groups: int, n: int, m: int, scale: float, weight: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(B, F, groups, n), (B, F, groups, m), (F, R), (B, R, n, m)]
    numbers = [rng.uniform(-1, 1, shape) for shape in shapes]
    for k in range(2):  # some units are near, others far
        numbers[k] *= scale * rng.choice([0.1, 1], (1, F, 1, 1))
    numbers[3] *= weight
    numbers = [np.float32(x) for x in numbers]
    assert_exact(numbers, fused(*numbers), in_float64(*numbers))


@pytest.mark.parametrize("groups", [1, R])
@pytest.mark.parametrize("signs", [(1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize("size", [20.9, 21.1, 42.9, 43.1, 100, 1e4, 1e30])
def test_all_units_at_the_limit_of_near_summands(groups: int, signs: tuple[int, int], size: float) -> None:
    numbers = inputs(0, groups, 1)
    for k in range(2):
        numbers[k] = np.float32(numbers[k] + size * signs[k])
    assert_exact(numbers, fused(*numbers), in_float64(*numbers))


def test_a_population_gets_the_results_of_its_single_members() -> None:
    members = [inputs(k, R, scale) for k, scale in enumerate((1, 60))]
    together = jax.jit(jax.vmap(lambda *arguments: scores_and_gradients(pairwise_tanh_score, *arguments)))(
        *map(np.stack, zip(*members, strict=True))
    )
    for k, member in enumerate(members):
        actual = jax.tree.map(lambda leaf, k=k: leaf[k], together)
        assert_exact(member, actual, in_float64(*member))
