"""Tests of counted products against counts by hand: 2 i j k operations for [i j] times [j k]."""

from typing import Any

import jax
import jax.numpy as jnp

from experiments.benchmarking.flops import count_products

A, B = jnp.ones((3, 5)), jnp.ones((5, 7))
SQUARE = jnp.ones((4, 4))
PRODUCT, SQUARED = 2 * 3 * 5 * 7, 2 * 4**3


def powers(x: Any, turns: int) -> Any:
    return jax.lax.scan(lambda y, _: (y @ x, None), x, None, length=turns)[0]


def test_a_product() -> None:
    assert count_products(jnp.matmul, A, B) == (PRODUCT, 0)


def test_a_batched_contraction() -> None:
    x, y = jnp.ones((2, 3, 5)), jnp.ones((2, 7, 5))
    assert count_products(lambda x, y: jnp.einsum("bij,bkj->bik", x, y), x, y).flops == 2 * PRODUCT


def test_a_scan_counts_its_body_once_per_iteration() -> None:
    assert count_products(lambda x: powers(x, 9), SQUARE) == (9 * SQUARED, 0)
    assert count_products(jax.jit(lambda x: powers(powers(x, 9), 2)), SQUARE) == (11 * SQUARED, 0)
    nested = jax.vmap(lambda x: jax.lax.map(lambda y: powers(y, 3), x))
    assert count_products(nested, jnp.ones((2, 5, 4, 4))) == (2 * 5 * 3 * SQUARED, 0)


def test_the_gradient_of_a_product_adds_two_products() -> None:
    gradient = jax.grad(lambda a, b: jnp.sum((a @ b) ** 2), (0, 1))
    assert count_products(gradient, A, B).flops == 3 * PRODUCT


def test_products_without_effect_on_the_result_are_not_counted() -> None:
    def wasteful(a: Any, b: Any) -> Any:
        _ = a @ b
        return a.sum()

    assert count_products(wasteful, A, B).flops == 0


def test_products_in_a_custom_gradient_are_counted() -> None:
    @jax.custom_vjp
    def product(a: Any, b: Any) -> Any:
        return a @ b

    product.defvjp(lambda a, b: (a @ b, (a, b)), lambda saved, dy: (dy @ saved[1].T, saved[0].T @ dy))
    assert count_products(product, A, B).flops == PRODUCT
    assert count_products(jax.grad(lambda a, b: product(a, b).sum(), (0, 1)), A, B).flops == 2 * PRODUCT


def test_a_conditional_counts_its_costliest_branch() -> None:
    def either(x: Any) -> Any:
        return jax.lax.cond(x[0, 0] > 0, lambda y: y @ y @ y, lambda y: y @ y, x)

    assert count_products(either, SQUARE).flops == 2 * SQUARED


def test_loops_of_known_length_are_counted_and_others_are_reported() -> None:
    known = count_products(lambda x: jax.lax.fori_loop(0, 6, lambda i, y: y @ y, x), SQUARE)
    assert known == (6 * SQUARED, 0)
    unknown = count_products(lambda x, n: jax.lax.fori_loop(0, n, lambda i, y: y @ y, x), SQUARE, 6)
    assert unknown == (SQUARED, 1)
