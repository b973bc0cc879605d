"""Tests of products in float32 and with factors rounded to bfloat16, against float64."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.layers import platform
from cman_jax.layers.products import batched_matmul, matmul, precision_of, products_in, weight_gradient
from tests.builders import normal


def rounded(x: np.ndarray) -> np.ndarray:
    """Returns the nearest bfloat16 numbers, as float64."""
    return np.asarray(jnp.asarray(x).astype(jnp.bfloat16)).astype(np.float64)


def close(ours: jax.Array, exact: np.ndarray) -> None:
    """Asserts equality up to the rounding of float32 sums, and float32 itself."""
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, exact, rtol=1e-5, atol=1e-5)


def test_a_product_in_bfloat16_rounds_its_factors_and_nothing_else() -> None:
    x, kernel, d_y = normal(0, 5, 40), normal(1, 40, 7), normal(2, 5, 7)
    with products_in("bfloat16"):
        y, gradient = jax.vjp(matmul, jnp.asarray(x), jnp.asarray(kernel))
    d_x, d_kernel = gradient(jnp.asarray(d_y))  # the precision is that of the forward pass
    close(y, rounded(x) @ rounded(kernel))
    close(d_x, rounded(d_y) @ rounded(kernel).T)
    close(d_kernel, rounded(x).T @ rounded(d_y))
    assert np.abs(y - x @ kernel).max() > 1e-3  # or nothing was rounded


def test_outside_the_block_nothing_is_rounded() -> None:
    x, kernel = normal(0, 5, 40), normal(1, 40, 7)
    with products_in("bfloat16"):
        pass
    close(matmul(jnp.asarray(x), jnp.asarray(kernel)), x.astype(np.float64) @ kernel)


def test_each_pair_of_a_stack_is_multiplied_in_bfloat16() -> None:
    x, kernel, d_y = normal(0, 2, 5, 40), normal(1, 2, 40, 7), normal(2, 2, 5, 7)
    with products_in("bfloat16"):
        close(batched_matmul(jnp.asarray(x), jnp.asarray(kernel)), rounded(x) @ rounded(kernel))
        close(weight_gradient(jnp.asarray(x), jnp.asarray(d_y)), rounded(x).swapaxes(1, 2) @ rounded(d_y))


def test_the_runs_of_a_population_are_multiplied_in_bfloat16() -> None:
    x, kernel = normal(0, 3, 5, 40), normal(1, 3, 40, 7)

    def gradient_of_sum(x: jax.Array, kernel: jax.Array) -> jax.Array:
        with products_in("bfloat16"):
            return jax.grad(lambda kernel: (matmul(x, kernel) ** 2).sum() / 2)(kernel)

    found = jax.jit(jax.vmap(gradient_of_sum))(x, kernel)
    close(found, rounded(x).swapaxes(1, 2) @ rounded((rounded(x) @ rounded(kernel)).astype(np.float32)))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512f", "float32"), ("fpu avx512_bf16", "bfloat16"), ("fpu amx_bf16 amx_tile", "bfloat16")],
)
def test_auto_is_bfloat16_where_the_cpu_has_units_for_it(
    flags: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags : {flags}\n")
    monkeypatch.setattr(platform, "_CPU", tmp_path / "cpuinfo")
    monkeypatch.setattr("cman_jax.layers.products.has_fast_bfloat16", platform.has_fast_bfloat16.__wrapped__)
    assert precision_of("auto") == expected


def test_auto_is_float32_where_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "_CPU", tmp_path / "missing")
    assert not platform.has_fast_bfloat16.__wrapped__()


@pytest.mark.parametrize("setting", ["float32", "bfloat16"])
def test_a_named_precision_is_taken_on_every_device(setting: str) -> None:
    assert precision_of(setting) == setting
