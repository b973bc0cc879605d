"""The LSTM recurrence on an NVIDIA GPU: one kernel for the whole loop over time, and one for its gradient.

A loop in XLA starts several kernels per time step, and each kernel takes longer to start than to run. In this
module, a program of the grid processes a few sequences of one direction for all time steps. It keeps the
states, and as many recurrent weights as fit, in registers. `lstm.py` contains the equations in plain form.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Array, Bool, Float

from cman_jax.layers.platform import num_processors

Ref = Any  # memory that a kernel reads or writes by indexing
_GATES = range(4)  # input, forget, cell, output
_TILE = 16  # sequences of a program that multiplies matrices, the smallest size that Triton accepts


class Plan(NamedTuple):
    """The division of a kernel's work into programs.

    Attributes:
      rows: sequences per program; fewer than 16 are computed one by one in each step.
      kept: number of gates whose recurrent weights stay in registers. The other weights are read in every
        step.
      warps: warps per program, of 32 threads each.
    """

    rows: int
    kept: int
    warps: int


def forward(
    gates: Float[Array, "g n b k"], recurrent_kernel: Float[Array, "g d k"], mask: Bool[Array, "g n b"]
) -> tuple[Float[Array, "g n b k"], Float[Array, "g n b d"], Float[Array, "g n b d"]]:
    """Returns the activations of the gates, the states and the cells of all steps.

    Args:
      gates: pre-activations of the gates without the recurrent part; k = 4 d.
      recurrent_kernel: the recurrent weights, one matrix per direction.
      mask: True where a step is taken. Elsewhere the state stays the same.
    """
    _, _, batch, width = gates.shape
    dim = width // 4
    gates, weights = _by_gate(gates), _square(recurrent_kernel)
    shapes = [gates.shape, *[(*gates.shape[:3], gates.shape[-1])] * 2]
    results = _call(_forward_kernel, shapes, gates, weights, mask)
    activations, states, cells = (x[:, :, :batch, ..., :dim] for x in results)
    return activations.reshape(*activations.shape[:3], width), states, cells


def backward(
    activations: Float[Array, "g n b k"],
    cells: Float[Array, "g n b d"],
    recurrent_kernel: Float[Array, "g d k"],
    mask: Bool[Array, "g n b"],
    d_states: Float[Array, "g n b d"],
) -> Float[Array, "g n b k"]:
    """Returns the gradient of the gates' pre-activations.

    Args:
      activations: the activations that `forward` returned.
      cells: the cells that `forward` returned.
      recurrent_kernel: the recurrent weights, one matrix per direction.
      mask: True where a step was taken.
      d_states: the gradient of the states.
    """
    _, _, batch, width = activations.shape
    dim = width // 4
    activations, weights = _by_gate(activations), _square(recurrent_kernel).transpose(0, 3, 2, 1)
    cells, d_states = _padded(cells), _padded(d_states)
    (dz,) = _call(_backward_kernel, [activations.shape], activations, weights, mask, cells, d_states)
    return dz[:, :, :batch, :, :dim].reshape(*dz.shape[:2], batch, width)


def _by_gate(x: Float[Array, "*b k"]) -> Float[Array, "*b 4 d"]:
    """Returns the four blocks on an axis of their own, each padded to a power of two, as Triton requires."""
    return _padded(x.reshape(*x.shape[:-1], 4, -1))


def _square(recurrent_kernel: Float[Array, "g d k"]) -> Float[Array, "g e 4 e"]:
    """Returns the weights of each gate as a matrix, with both axes padded to a power of two."""
    return _padded(_by_gate(recurrent_kernel).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def _padded(x: Float[Array, "*b d"]) -> Float[Array, "*b e"]:
    """Returns an array with zeros after the last axis. A unit with zero gates and weights stays at zero."""
    width = x.shape[-1]
    more = max(_TILE, pl.next_power_of_2(width)) - width
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, more)]) if more else x


def _call(
    kernel: Callable, shapes: list[tuple[int, ...]], first: Array, weights: Array, mask: Array, *others: Array
) -> Sequence[Array]:
    """Runs a kernel over directions and groups of sequences, and returns its results.

    Sequences without any step fill up the last group.

    Args:
      kernel: the kernel.
      shapes: shapes of the results, before filling up.
      first: the kernel's first argument.
      weights: the recurrent weights by gate.
      mask: True where a step is taken.
      *others: the other arguments of the kernel.
    """
    directions, _, batch = mask.shape
    plan = plan_for(directions * batch, weights.shape[-1])
    missing = -batch % plan.rows

    def filled(x: Array) -> Array:
        return jnp.pad(x, [(0, 0), (0, 0), (0, missing)] + [(0, 0)] * (x.ndim - 3)) if missing else x

    shapes = [(*shape[:2], batch + missing, *shape[3:]) for shape in shapes]
    return pl.pallas_call(
        functools.partial(kernel, rows=plan.rows, kept=plan.kept),
        grid=(directions, (batch + missing) // plan.rows),
        out_shape=[jax.ShapeDtypeStruct(shape, first.dtype) for shape in shapes],
        compiler_params=plgpu.CompilerParams(num_warps=plan.warps, num_stages=1),
        name=kernel.__name__.strip("_"),
    )(filled(first), weights, filled(mask.astype(jnp.int32)), *map(filled, others))


def plan_for(sequences: int, dim: int) -> Plan:
    """Returns the plan of a kernel: one sequence per program up to the number of processors, then several.

    The kept gates and the number of warps are the greatest for which the compiler uses only registers.

    Args:
      sequences: number of sequences in both directions together.
      dim: units per direction, padded.
    """
    processors = num_processors()
    if dim <= 64:
        rows = next((rows for rows in (1, 2) if sequences <= rows * processors), _TILE)
        return Plan(rows, kept=4, warps=8 if dim == 64 else 4)
    rows = next((rows for rows in (1, 2) if sequences <= rows * processors), 4)
    return Plan(rows, kept=max(0, 3 - rows), warps=8)


def _own_rows(rows: int) -> list:
    """Returns the indices of this program's sequences, one by one or all in one tile."""
    first = pl.program_id(1) * rows
    return [pl.ds(first, rows)] if rows == _TILE else [first + k for k in range(rows)]


def _weights(weights: Ref, kept: int) -> Callable[[int], Array]:
    """Returns a function that returns a gate's recurrent weights; the kept weights are read only once."""
    direction = pl.program_id(0)
    held = [weights[direction, :, gate, :] for gate in range(kept)]
    return lambda gate: held[gate] if gate < kept else weights[direction, :, gate, :]


def _times(x: Array, weights: Array) -> Array:
    """Computes `x weights` for one sequence or a tile of sequences, in float32 throughout."""
    if x.ndim == 1:
        return jnp.sum(x[:, None] * weights, 0)
    return jnp.dot(x, weights, precision=jax.lax.Precision.HIGHEST)


def _forward_kernel(
    gates: Ref, weights: Ref, mask: Ref, activations: Ref, states: Ref, cells: Ref, *, rows: int, kept: int
) -> None:
    """Writes the activations, states and cells of this program's sequences."""
    direction, length, dim = pl.program_id(0), gates.shape[1], gates.shape[-1]
    own = _own_rows(rows)
    weights_of = _weights(weights, kept)

    def read(t):
        """Returns the inputs of step t that do not depend on the step before."""
        return [
            ([gates[direction, t, row, gate, :] for gate in _GATES], mask[direction, t, row]) for row in own
        ]

    def step(t, carry):
        loaded, before = carry
        upcoming = read(jnp.minimum(t + 1, length - 1))  # loads while this step computes
        products = [[] for _ in own]
        for gate in _GATES:
            w = weights_of(gate)
            for k, (h, _) in enumerate(before):
                products[k].append(_times(h, w))
        after = []
        for row, (z, taken), product, (h, c) in zip(own, loaded, products, before, strict=True):
            i, f, g, o = (x + y for x, y in zip(z, product, strict=True))
            i, f, g, o = _sigmoid(i), _sigmoid(f), jnp.tanh(g), _sigmoid(o)
            taken = _column(taken) != 0
            c = jnp.where(taken, f * c + i * g, c)
            h = jnp.where(taken, o * jnp.tanh(c), h)
            for gate, a in zip(_GATES, (i, f, g, o), strict=True):
                activations[direction, t, row, gate, :] = a
            states[direction, t, row, :] = h
            cells[direction, t, row, :] = c
            after.append((h, c))
        return upcoming, after

    zero = jnp.zeros((dim,) if rows != _TILE else (rows, dim), gates.dtype)
    jax.lax.fori_loop(0, length, step, (read(0), [(zero, zero) for _ in own]))


def _backward_kernel(
    activations: Ref, weights: Ref, mask: Ref, cells: Ref, d_states: Ref, dz: Ref, *, rows: int, kept: int
) -> None:
    """Writes the gradient of the pre-activations of this program's sequences."""
    direction, length, dim = pl.program_id(0), activations.shape[1], activations.shape[-1]
    own = _own_rows(rows)
    weights_of = _weights(weights, kept)

    def read(t):
        """Returns the inputs of step t, and the cells of the step before."""
        earlier = jnp.maximum(t - 1, 0)
        return [
            (
                [activations[direction, t, row, gate, :] for gate in _GATES],
                mask[direction, t, row],
                d_states[direction, t, row, :],
                jnp.where(t > 0, cells[direction, earlier, row, :], 0.0),
            )
            for row in own
        ]

    def step(k, carry):
        loaded, later = carry
        t = length - 1 - k
        upcoming = read(jnp.maximum(t - 1, 0))
        found = [_cell_gradients(*inputs, *after) for inputs, after in zip(loaded, later, strict=True)]
        for row, (slopes, _, _) in zip(own, found, strict=True):
            for gate in _GATES:
                dz[direction, t, row, gate, :] = slopes[gate]
        d_before = [held for _, held, _ in found]
        for gate in _GATES:
            w = weights_of(gate)
            for k, (slopes, _, _) in enumerate(found):
                d_before[k] += _times(slopes[gate], w)
        earlier = zip(d_before, found, loaded, strict=True)
        return upcoming, [(dh, dc, inputs[-1]) for dh, (_, _, dc), inputs in earlier]

    zero = jnp.zeros((dim,) if rows != _TILE else (rows, dim), activations.dtype)
    last = [cells[direction, length - 1, row, :] for row in own]
    jax.lax.fori_loop(0, length, step, (read(length - 1), [(zero, zero, c) for c in last]))


def _cell_gradients(
    gates: list[Array], taken: Array, d_state: Array, c_before: Array, dh: Array, dc: Array, c: Array
) -> tuple[list[Array], Array, Array]:
    """Returns gradients of a step: of the pre-activations, of a held state, of the cells before it."""
    i, f, g, o = gates
    taken = _column(taken) != 0
    dh = dh + d_state
    held_dh, held_dc = jnp.where(taken, 0.0, dh), jnp.where(taken, 0.0, dc)
    dh, dc = jnp.where(taken, dh, 0.0), jnp.where(taken, dc, 0.0)
    tanh_c = jnp.tanh(c)
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    slopes = [
        dc * g * i * (1 - i),
        dc * c_before * f * (1 - f),
        dc * i * (1 - g * g),
        dh * tanh_c * o * (1 - o),
    ]
    return slopes, held_dh, dc * f + held_dc


def _sigmoid(z: Array) -> Array:
    """Computes the logistic function."""
    return 0.5 * jnp.tanh(0.5 * z) + 0.5


def _column(x: Array) -> Array:
    """Returns one number per sequence in a shape that broadcasts over the units."""
    return x if x.ndim == 0 else x[:, None]
