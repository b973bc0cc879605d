"""Floating-point operations of a program: of its matrix products exactly, and the compiler's own figure."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax.interpreters.partial_eval import dce_jaxpr

_UNCOUNTED_TRIPS = ("while", "pallas_call")


class Products(NamedTuple):
    """What a program's matrix products cost."""

    flops: int  # a multiplication and an addition are two
    loops_counted_once: int  # loops with products in them whose number of turns the program does not say


def count_products(function: Callable, *arguments: Any) -> Products:
    """Walks the program that `function` traces to, leaving out what its results do not depend on.

    A scan counts its body times its length, a conditional its costliest branch, a `while` (a `fori_loop` of
    unknown length) or a kernel of its own once.

    Args:
      function: of arrays; jitted or not.
      arguments: arrays, or their shapes.
    """
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    jaxpr, _ = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _count(jaxpr)


def compiler_flops(compiled: Any) -> float | None:
    """XLA's estimate for a compiled program; it counts the body of a loop once, and elementwise work too."""
    analysis = compiled.cost_analysis()
    return float(analysis["flops"]) if analysis and "flops" in analysis else None


def _count(jaxpr: Any) -> Products:
    flops = loops = 0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name == "dot_general":
            flops += _product(equation)
            continue
        inner = [_count(each) for each in _jaxprs(list(equation.params.values()))]
        if name == "cond":
            inner = [max(inner)]
        repeats = equation.params["length"] if name == "scan" else 1
        flops += repeats * sum(each.flops for each in inner)
        loops += sum(each.loops_counted_once for each in inner)
        loops += name in _UNCOUNTED_TRIPS and any(each.flops for each in inner)
    return Products(flops, loops)


def _product(equation: Any) -> int:
    """Two per entry of the result and term of its sum."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    terms = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
    return 2 * terms * math.prod(equation.outvars[0].aval.shape)


def _jaxprs(value: Any) -> Iterator[Any]:
    """The programs among an equation's parameters."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _jaxprs(item)
    elif hasattr(value, "jaxpr"):
        yield value.jaxpr
    elif hasattr(value, "eqns"):
        yield value
