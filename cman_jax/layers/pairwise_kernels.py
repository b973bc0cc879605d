"""The pairwise tanh score on an NVIDIA GPU, with one kernel for the score and one for its gradient.

Arguments and results are the same as in `pairwise.py`, which contains the plain form. XLA needs a loop over
the units to keep their n m values out of memory, and starts several kernels in each step of the loop. As in
the plain form, units are computed from the exponentials of the summands if possible, and otherwise from the
exponentials of their sums. Each program decides for the summands that it reads.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu
from jaxtyping import Array, Float

from cman_jax.layers.pairwise import FAR, MANY

Ref = Any  # memory that a kernel reads or writes by indexing
_TILE = 32  # number of subjects, and of objects, per program of the score
_CELLS = 4096  # number of cells that a program of the gradient holds at the same time


def score(
    subject: Float[Array, "b f q n"], object_: Float[Array, "b f q m"], output: Float[Array, "f r"]
) -> Float[Array, "b r n m"]:
    """Computes `sum_f output[f, r] tanh(subject + object_)`; see `pairwise.pairwise_tanh_score`."""
    batch, _, groups, n = subject.shape
    m, relations = object_.shape[-1], output.shape[1]
    subject, object_ = _padded(subject, _TILE), _padded(object_, _TILE)
    shape = (batch, relations, subject.shape[-1], object_.shape[-1])
    tiles = (relations, shape[2] // _TILE, shape[3] // _TILE)
    scores = pl.pallas_call(
        functools.partial(_score_kernel, tiles=tiles, shared=groups == 1),
        grid=(batch, tiles[0] * tiles[1] * tiles[2]),
        out_shape=jax.ShapeDtypeStruct(shape, output.dtype),
        compiler_params=plgpu.CompilerParams(num_warps=4, num_stages=1),
        name="pairwise_score",
    )(subject, object_, output)
    return scores[:, :, :n, :m]


def gradients(
    subject: Float[Array, "b f q n"],
    object_: Float[Array, "b f q m"],
    d_scores: Float[Array, "b r n m"],
    output: Float[Array, "f r"],
) -> tuple[Float[Array, "b f q n"], Float[Array, "b f q m"], Float[Array, "f r"]]:
    """Computes the gradients of both summands and of the output weights.

    Args:
      subject: the summands of the subjects.
      object_: the summands of the objects.
      d_scores: the gradient of the scores.
      output: the output weights.
    """
    batch, dim, groups, n = subject.shape
    m = object_.shape[-1]
    width = max(16, pl.next_power_of_2(m))
    rows = max(1, min(_CELLS // width, pl.next_power_of_2(n)))
    subject, object_ = _padded(subject, rows), _padded(object_, width)
    d_scores = _padded(_padded(d_scores, width).swapaxes(2, 3), rows).swapaxes(2, 3)
    shapes = [subject.shape, object_.shape, (batch, *output.shape)]
    d_subject, d_object, d_output = pl.pallas_call(
        functools.partial(_gradient_kernel, rows=rows),
        grid=(batch, groups * dim),
        out_shape=[jax.ShapeDtypeStruct(shape, output.dtype) for shape in shapes],
        compiler_params=plgpu.CompilerParams(num_warps=4, num_stages=1),
        name="pairwise_score_gradient",
    )(subject, object_, d_scores, output)
    return d_subject[..., :n], d_object[..., :m], d_output.sum(0)


def _padded(x: Float[Array, "*b n"], multiple: int) -> Float[Array, "*b k"]:
    """Returns an array with zeros after the last axis, whose results are cut off or multiplied by zero."""
    more = -x.shape[-1] % multiple
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, more)]) if more else x


def _score_kernel(
    subject: Ref, object_: Ref, output: Ref, scores: Ref, *, tiles: tuple[int, int, int], shared: bool
) -> None:
    """Writes the scores of one tile of pairs for one relation type of a sentence.

    Args:
      subject: the summands of the subjects.
      object_: the summands of the objects.
      output: the output weights.
      scores: the result.
      tiles: number of relation types, and of tiles along subjects and along objects.
      shared: whether all relation types share the hidden units.
    """
    sentence, place = pl.program_id(0), pl.program_id(1)
    relation = place // (tiles[1] * tiles[2])
    rows = pl.ds(place // tiles[2] % tiles[1] * _TILE, _TILE)
    columns = pl.ds(place % tiles[2] * _TILE, _TILE)
    group = 0 if shared else relation

    def add(unit, total):
        there = _odds(subject[sentence, unit, group, rows], object_[sentence, unit, group, columns])
        return total + output[unit, relation] * (1 - 2 / (1 + there))

    zero = jnp.zeros((_TILE, _TILE), scores.dtype)
    scores[sentence, relation, rows, columns] = jax.lax.fori_loop(0, output.shape[0], add, zero)


def _gradient_kernel(
    subject: Ref,
    object_: Ref,
    d_scores: Ref,
    output: Ref,
    d_subject: Ref,
    d_object: Ref,
    d_output: Ref,
    *,
    rows: int,
) -> None:
    """Writes the gradients of one hidden unit of a sentence, for `rows` subjects at the same time."""
    sentence, place = pl.program_id(0), pl.program_id(1)
    (dim, relations), groups = output.shape, subject.shape[2]
    unit, group = place % dim, place // dim
    own = range(relations) if groups == 1 else [group]
    columns = pl.ds(0, object_.shape[-1])
    w = object_[sentence, unit, group, columns]

    def step(k, carry):
        d_columns, d_weights = carry
        here = pl.ds(k * rows, rows)
        there = _odds(subject[sentence, unit, group, here], w)
        p = 1 / (1 + there)
        ds = [d_scores[sentence, relation, here, columns] for relation in own]
        weighted = functools.reduce(jnp.add, [d * output[unit, r] for d, r in zip(ds, own, strict=True)])
        slope = weighted * (4 * (there * p) * p)
        d_subject[sentence, unit, group, here] = jnp.sum(slope, 1)
        added = [total + jnp.sum(d * (1 - 2 * p)) for d, total in zip(ds, d_weights, strict=True)]
        return d_columns + jnp.sum(slope, 0), added

    start = jnp.zeros_like(w), [jnp.zeros((), w.dtype) for _ in own]
    d_columns, d_weights = jax.lax.fori_loop(0, subject.shape[-1] // rows, step, start)
    d_object[sentence, unit, group, columns] = d_columns
    for relation, total in zip(own, d_weights, strict=True):
        d_output[sentence, unit, relation] = total


def _odds(u: Array, w: Array) -> Array:
    """Computes `e^{2(u + w)}` for every pair, with `MANY` as the upper bound."""
    near = (jnp.max(jnp.abs(u)) <= FAR) & (jnp.max(jnp.abs(w)) <= FAR)
    by_summand = lambda: jnp.exp(2 * u)[:, None] * jnp.exp(2 * w)[None, :]  # noqa: E731
    by_pair = lambda: jnp.exp(2 * (u[:, None] + w[None, :]))  # noqa: E731
    return jnp.minimum(jax.lax.cond(near, by_summand, by_pair), MANY)
