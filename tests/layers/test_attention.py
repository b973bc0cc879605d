"""Tests of attention against a loop over sentences and heads, and of the mask."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from cman_jax.layers.attention import MultiHeadAttention, attend
from tests import oracles
from tests.builders import lengths_to_mask, normal, random_variables

B, N, M, D = 3, 4, 5, 8
LENGTHS = [5, 2, 0]
MASK = lengths_to_mask(LENGTHS, M)


@pytest.fixture(scope="module", params=[1, 4])
def case(request: pytest.FixtureRequest) -> Any:
    """Returns the number of heads, the compiled layer, its variables, and its inputs."""
    module = MultiHeadAttention(request.param)
    queries, memory = normal(0, B, N, D), normal(1, B, M, D)
    variables = random_variables(module, queries, memory, MASK)
    return request.param, jax.jit(module.apply), variables, queries, memory


def test_equals_a_loop_over_heads(case: Any) -> None:
    num_heads, apply, variables, queries, memory = case
    attended = apply(variables, queries, memory, MASK)
    for b in range(2):
        expected = oracles.attention(variables["params"], num_heads, queries[b], memory[b], MASK[b])
        np.testing.assert_allclose(attended[b], expected, rtol=1e-4, atol=1e-4)


def test_the_gradient_is_that_of_the_plain_formula() -> None:
    def plain(query: Any, key: Any, value: Any, bias: Any = 0) -> Any:
        query, key, value = (x.swapaxes(1, 2) for x in (query, key, value))
        logits = query @ key.swapaxes(2, 3) / 3**0.5 + bias
        logits = jnp.where(MASK[:, None, None], logits, -jnp.inf)
        return (nn.softmax(logits) @ value).swapaxes(1, 2)

    heads = [jnp.asarray(normal(seed, B, length, 2, 3)) for seed, length in enumerate((N, M, M))]
    weights = normal(3, B, N, 2, 3)[:2]  # the third sentence is all padding

    def gradients(function: Callable, *arguments: Any) -> Any:
        loss = lambda *arguments: (function(*arguments)[:2] * weights).sum()  # noqa: E731
        return jax.grad(loss, tuple(range(len(arguments))))(*arguments)

    def ours(query: Any, key: Any, value: Any, *bias: Any) -> Any:
        return attend(query, key, value, jnp.asarray(MASK), *bias)

    biases = [[], [jnp.asarray(normal(4, 1, 2, N, M))], [jnp.asarray(normal(5, B, 2, N, M))]]
    for inputs in ([*heads, *bias] for bias in biases):
        for actual, expected in zip(gradients(ours, *inputs), gradients(plain, *inputs), strict=True):
            assert actual.shape == expected.shape
            np.testing.assert_allclose(actual[:2], expected[:2], rtol=1e-4, atol=1e-5)


def test_long_sentences_attend_in_chunks_unless_a_gradient_is_taken() -> None:
    n, m, heads, width = 600, 650, 2, 3
    query, key, value = (
        jnp.asarray(normal(seed, 1, length, heads, width)) for seed, length in enumerate((n, m, m))
    )
    mask = jnp.asarray(lengths_to_mask([620], m))
    logits = jnp.einsum("bnhk,bmhk->bhnm", query, key) / width**0.5
    bias = jnp.asarray(normal(3, 1, heads, n, m))
    for arguments, added in (((), 0), ((bias,), bias)):
        weights = nn.softmax(jnp.where(mask[:, None, None], logits + added, -jnp.inf))
        expected = jnp.einsum("bhnm,bmhk->bnhk", weights, value)
        found = attend(query, key, value, mask, *arguments)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    square = f"{n},{m}]"
    assert square not in str(jax.make_jaxpr(attend)(query, key, value, mask))
    with_gradient = jax.value_and_grad(lambda *arguments: attend(*arguments, mask).sum(), (0, 1, 2))
    assert square in str(jax.make_jaxpr(with_gradient)(query, key, value))
    assert "scan" not in str(jax.make_jaxpr(with_gradient)(query, key, value))


def test_masked_memory_gets_no_weight(case: Any) -> None:
    _, apply, variables, queries, memory = case
    garbage = np.where(MASK[:, :, None], memory, normal(2, B, M, D, scale=10))
    actual, expected = (apply(variables, queries, m, MASK) for m in (garbage, memory))
    np.testing.assert_array_equal(actual[:2], expected[:2])
    gradient = jax.grad(lambda m: apply(variables, queries, m, MASK)[:2].sum())(memory)
    assert not gradient[~MASK].any()
    assert gradient[MASK].all()


def test_the_mask_holds_against_logits_of_any_size() -> None:
    """Uses logits of about -1e20 at real tokens and 0 at masked tokens."""
    query, key = (jnp.full((1, N, 1, 1), 1e10), jnp.asarray([[[[-1e10]], [[-1e10]], [[0.0]]]]))
    value = jnp.asarray([[[[1.0]], [[2.0]], [[100.0]]]])
    mask = jnp.asarray([[True, True, False]])
    np.testing.assert_array_equal(attend(query, key, value, mask), np.full((1, N, 1, 1), 1.5))
    gradient = jax.grad(lambda value: attend(query, key, value, mask).sum())(value)
    np.testing.assert_array_equal(gradient[0, :, 0, 0], [N / 2, N / 2, 0])


def test_a_sentence_that_is_all_padding_gives_finite_numbers_and_gradients(case: Any) -> None:
    _, apply, variables, queries, memory = case
    loss = lambda *arguments: apply(*arguments, MASK)[2].sum()  # noqa: E731
    gradients = jax.grad(loss, (0, 1, 2))(variables, queries, memory)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert np.isfinite(apply(variables, queries, memory, MASK)).all()


def test_queries_attend_independently(case: Any) -> None:
    _, apply, variables, queries, memory = case
    moved = queries.copy()
    moved[:, 1] += 1
    same = np.asarray(apply(variables, moved, memory, MASK) == apply(variables, queries, memory, MASK)).all(2)
    np.testing.assert_array_equal(same[:2], np.tile(np.arange(N) != 1, (2, 1)))
