"""Products of layers with their weights, in the precision that the program is traced with.

In bfloat16, both factors are rounded to 8 binary digits, and the sums are float32. The matrix units of GPUs,
of TPUs, and of CPUs with AMX or AVX512-BF16 compute such products several times as fast. Everything else
stays float32: parameters, norms, softmax, recurrences, the CRF and the hidden units of the relation scorer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint
from jaxtyping import Array, Float

from cman_jax.layers.platform import by_platform, has_fast_bfloat16

T = TypeVar("T")
_precision: ContextVar[str] = ContextVar("the precision of products", default="float32")


def precision_of(setting: str) -> str:
    """Returns the precision that a setting means on this process's default device.

    Args:
      setting: "float32", "bfloat16", or "auto" for bfloat16 where the device computes it faster.
    """
    if setting != "auto":
        return setting
    return "bfloat16" if has_fast_bfloat16() else "float32"


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Sets the precision of all products of this module that are traced in the `with` block.

    Args:
      precision: "float32", in which a device multiplies float32 as it does by default, "bfloat16", or "auto".
    """
    token = _precision.set(precision_of(precision))
    try:
        yield
    finally:
        _precision.reset(token)


def in_precision(precision: str, function: Callable[..., T]) -> Callable[..., T]:
    """Returns a function whose products are traced in a precision.

    Args:
      precision: as for `products_in`.
      function: a function of arrays, before it is jitted.
    """

    @wraps(function)
    def traced(*arguments: Any, **options: Any) -> T:
        with products_in(precision):
            return function(*arguments, **options)

    return traced


def matmul(x: Float[Array, "m e"], kernel: Float[Array, "e k"]) -> Float[Array, "m k"]:
    """Computes `x kernel`.

    Args:
      x: the left matrix.
      kernel: the weights.
    """
    if _precision.get() == "float32":
        return x @ kernel
    return batched_matmul(x[None], kernel[None])[0]


def batched_matmul(x: Float[Array, "g m e"], kernel: Float[Array, "g e k"]) -> Float[Array, "g m k"]:
    """Computes `x[g] kernel[g]` for a small number of g, such as the two directions of an LSTM.

    Args:
      x: the left matrices.
      kernel: the right matrices, whose gradient is `weight_gradient`.
    """
    return _batched_matmul(_precision.get(), x, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _batched_matmul(precision: str, x: Array, kernel: Array) -> Array:
    """Computes `batched_matmul` in a precision, which the backward pass uses too."""
    return _einsum(precision, "gme,gek->gmk", x, kernel)


def _forward(precision: str, x: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    """Returns the result of `batched_matmul`, and the arrays that the backward pass needs."""
    return _batched_matmul(precision, x, kernel), (x, kernel)


def _backward(precision: str, residuals: tuple[Array, Array], d_y: Array) -> tuple[Array, Array]:
    """Returns the gradients of both operands, from the gradient of the result."""
    x, kernel = residuals
    return _einsum(precision, "gmk,gek->gme", d_y, kernel), _weight_gradient(precision, x, d_y)


_batched_matmul.defvjp(_forward, _backward)


def weight_gradient(x: Float[Array, "g m e"], d_y: Float[Array, "g m k"]) -> Float[Array, "g e k"]:
    """Computes `x[g]^T d_y[g]`, the gradient of `kernel` in `batched_matmul`.

    For a single pair of matrices, cuBLAS divides the sum over the long axis m among a GPU's processors. It
    does not divide the sum for a stack of matrices, so on GPUs the pairs are multiplied one by one.

    Args:
      x: the left matrices of `batched_matmul`.
      d_y: the gradient of its result.
    """
    return _weight_gradient(_precision.get(), x, d_y)


def _weight_gradient(precision: str, x: Array, d_y: Array) -> Array:
    """Computes `weight_gradient` in a precision."""

    def one_by_one(x: Array, d_y: Array) -> Array:
        products = (_einsum(precision, "em,mk->ek", a.T, b) for a, b in zip(x, d_y, strict=True))
        return jnp.stack(list(products))

    def pinned(x: Array, d_y: Array) -> Array:
        # XLA on the CPU has no fast product of a left matrix in bfloat16 that is stored by columns.
        by_rows = (with_layout_constraint(_rounded(precision, a).T, Layout((0, 1))) for a in x)
        products = (_einsum(precision, "em,mk->ek", a, b) for a, b in zip(by_rows, d_y, strict=True))
        return jnp.stack(list(products))

    stacked = partial(_einsum, precision, "gme,gmk->gek")
    default = stacked if precision == "float32" else pinned
    return by_platform(x, d_y, cuda=one_by_one, default=default)


def _einsum(precision: str, spec: str, x: Array, y: Array) -> Array:
    """Returns `jnp.einsum(spec, x, y)` in a precision."""
    if precision == "float32":
        return jnp.einsum(spec, x, y)
    sums = jnp.result_type(x, y)  # float32, also if one factor is rounded already
    return jnp.einsum(spec, _rounded(precision, x), _rounded(precision, y), preferred_element_type=sums)


def _rounded(precision: str, x: Array) -> Array:
    """Returns an array in the format of a product's factors."""
    return x if precision == "float32" else x.astype(jnp.bfloat16)
