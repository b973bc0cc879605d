"""Counts of a program's floating-point operations: exact for its matrix products, and XLA's own estimate."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax.interpreters.partial_eval import dce_jaxpr

_UNCOUNTED_TRIPS = ("while", "pallas_call")


class Products(NamedTuple):
    """The cost of a program's matrix products.

    Attributes:
      flops: floating-point operations; a multiplication and an addition count as two.
      loops_counted_once: loops that contain products and whose number of iterations the program does not fix.
    """

    flops: int
    loops_counted_once: int


def count_products(function: Callable, *arguments: Any) -> Products:
    """Counts the matrix products in the program that JAX traces from `function`.

    Products that no result depends on are not counted. A scan counts its body times its length.
    A conditional counts its costliest branch. A `while` loop (such as a `fori_loop` of unknown length) and a
    custom kernel count their body once.

    Args:
      function: a function of arrays, jitted or not.
      arguments: its arguments, as arrays or as shapes.
    """
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    jaxpr, _ = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _count(jaxpr)


def compiler_flops(compiled: Any) -> float | None:
    """Returns XLA's estimate of the operations of a compiled program, or None without an estimate.

    The estimate counts the body of a loop once. It includes elementwise operations.

    Args:
      compiled: a compiled program, from `jax.jit(...).lower(...).compile()`.
    """
    analysis = compiled.cost_analysis()
    return float(analysis["flops"]) if analysis and "flops" in analysis else None


def _count(jaxpr: Any) -> Products:
    """Counts the matrix products of a traced program and of all programs nested in it."""
    flops = loops = 0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name == "dot_general":
            flops += _product_flops(equation)
            continue
        inner = [_count(each) for each in _nested_jaxprs(list(equation.params.values()))]
        if name == "cond":
            inner = [max(inner)]
        repeats = equation.params["length"] if name == "scan" else 1
        flops += repeats * sum(each.flops for each in inner)
        loops += sum(each.loops_counted_once for each in inner)
        loops += name in _UNCOUNTED_TRIPS and any(each.flops for each in inner)
    return Products(flops, loops)


def _product_flops(equation: Any) -> int:
    """Returns the operations of one product: two for each term of each entry of the result."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    terms = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
    return 2 * terms * math.prod(equation.outvars[0].aval.shape)


def _nested_jaxprs(value: Any) -> Iterator[Any]:
    """Yields the programs among an equation's parameters."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _nested_jaxprs(item)
    elif hasattr(value, "jaxpr"):
        yield value.jaxpr
    elif hasattr(value, "eqns"):
        yield value
