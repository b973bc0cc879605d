"""The relation scorer, Eqs. (9) and (10), without ever storing its pairwise hidden layer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.platform import by_platform, kernel

FAR = 43.0
"""Summands beyond it are far: `e^{2u}` has to be a normal number of float32, and 2 * 43 < log(3.4e38)."""
MANY = 1e37
"""Odds that leave nothing of `1 / (1 + odds)`, and are finite in float32."""
_kernel_score = kernel("cman_jax.layers.pairwise_kernels", "score")
_kernel_gradients = kernel("cman_jax.layers.pairwise_kernels", "gradients")


@jax.custom_vjp
def pairwise_tanh_score(
    subject: Float[Array, "b f q n"], object_: Float[Array, "b f q m"], output: Float[Array, "f r"]
) -> Float[Array, "b r n m"]:
    """Computes `sum_f output[f, r] tanh(subject[b, f, q, n] + object_[b, f, q, m])`, a loop over f.

    Nothing of size n m r f exists in either direction, and all finite summands are exact up to rounding.
    `tanh(u + w) = 1 - 2 / (1 + e^{2u} e^{2w})` needs exponentials of only n + m summands; float32 can hold
    those of summands within ±43. A second loop, over the units with other summands, takes the exponential of
    every pair's sum, which takes three to four times as long.

    Args:
      subject, object_: the summands; q = r, or q = 1 for hidden units that all relations share.
      output: the output weights.
    """
    return _score_forward(subject, object_, output)[0]


def _score_forward(subject: Array, object_: Array, output: Array) -> tuple[Array, tuple[Array, ...]]:
    arguments = subject, object_, output
    return by_platform(*arguments, cuda=_kernel_score, default=_score_in_turn), arguments


def _score_backward(residuals: tuple[Array, ...], d_logits: Array) -> tuple[Array, Array, Array]:
    subject, object_, output = residuals
    arguments = (subject, object_, d_logits, output)
    return by_platform(*arguments, cuda=_kernel_gradients, default=_gradients_in_turn)


pairwise_tanh_score.defvjp(_score_forward, _score_backward)


@jax.jit
def _score_in_turn(subject: Array, object_: Array, output: Array) -> Array:
    far = _far_units(subject, object_)
    return jax.vmap(_score_sentence, (0, 0, None, None))(subject, object_, output, far)


def _score_sentence(
    subject: Float[Array, "f q n"],
    object_: Float[Array, "f q m"],
    output: Float[Array, "f r"],
    far: Bool[Array, " f"],
) -> Float[Array, "r n m"]:
    def add(logits: Array, odds: Callable, u: Array, w: Array, v: Array) -> Array:
        return logits + v[:, None, None] * (1 - 2 / (1 + odds(u, w)))

    def near(logits: Array, inputs: tuple[Array, Array, Array]) -> tuple[Array, None]:
        return add(logits, _near_odds, *inputs), None

    def again(logits: Array, unit: Int[Array, ""]) -> Array:
        return add(logits, _far_odds, *_at(unit, subject, object_, output))

    logits = jnp.zeros((output.shape[1], subject.shape[-1], object_.shape[-1]), subject.dtype)
    near_units = _near_exp(subject), _near_exp(object_), jnp.where(far[:, None], 0, output)
    return _over(far, again, jax.lax.scan(near, logits, near_units)[0])


@jax.jit
def _gradients_in_turn(
    subject: Array, object_: Array, d_logits: Array, output: Array
) -> tuple[Array, Array, Array]:
    far = _far_units(subject, object_)
    gradients = jax.vmap(_sentence_gradients, (0, 0, 0, None, None))
    d_subject, d_object, d_output = gradients(subject, object_, d_logits, output, far)
    return d_subject, d_object, d_output.sum(0)


def _sentence_gradients(
    subject: Float[Array, "f q n"],
    object_: Float[Array, "f q m"],
    d_logits: Float[Array, "r n m"],
    output: Float[Array, "f r"],
    far: Bool[Array, " f"],
) -> tuple[Float[Array, "f q n"], Float[Array, "f q m"], Float[Array, "f r"]]:
    near_sums = _near_sums if subject.shape[1] == len(d_logits) else partial(_sums, odds=_near_odds)
    d_total = d_logits.sum((1, 2))

    def gradients(sums: Callable, u: Array, w: Array, v: Array) -> tuple[Array, Array, Array]:
        d_u, d_w, d_sigmoid = sums(d_logits, u, w, v)
        return 4 * d_u, 4 * d_w, d_total - 2 * d_sigmoid  # tanh = 1 - 2p, its derivative 4p (1 - p)

    def near(carry: None, inputs: tuple[Array, Array, Array]) -> tuple[None, tuple[Array, Array, Array]]:
        return carry, gradients(near_sums, *inputs)

    def again(found: tuple[Array, ...], unit: Int[Array, ""]) -> tuple[Array, ...]:
        right = gradients(partial(_sums, odds=_far_odds), *_at(unit, subject, object_, output))
        put = partial(jax.lax.dynamic_update_index_in_dim, index=unit, axis=0)
        return tuple(map(put, found, right))

    found = jax.lax.scan(near, None, (_near_exp(subject), _near_exp(object_), output))[1]
    return _over(far, again, found)


# Near and far units


def _far_units(subject: Float[Array, "b f q n"], object_: Float[Array, "b f q m"]) -> Bool[Array, " f"]:
    """Returns which units have a summand beyond ±43 in some sentence."""
    return _any_far(subject) | _any_far(object_)


@jax.custom_batching.custom_vmap
def _any_far(x: Float[Array, "b f q n"]) -> Bool[Array, " f"]:
    return jnp.any(jnp.abs(x) > FAR, (0, 2, 3))


@_any_far.def_vmap
def _any_far_of_population(
    axis_size: int, in_batched: list[bool], x: Float[Array, "s b f q n"]
) -> tuple[Bool[Array, " f"], bool]:
    """Returns one answer for all members: with one for each, their loop would copy its state in each step."""
    del axis_size, in_batched
    return _any_far(x.reshape(-1, *x.shape[2:])), False


def _over(far: Bool[Array, " f"], body: Callable, carry: Any) -> Any:
    """Calls `body(carry, unit)` for every far unit."""
    order = jnp.argsort(~far)
    return jax.lax.fori_loop(0, far.sum(), lambda k, carry: body(carry, order[k]), carry)


def _at(unit: Int[Array, ""], *arrays: Array) -> list[Array]:
    return [jax.lax.dynamic_index_in_dim(x, unit, keepdims=False) for x in arrays]


def _near_exp(x: Array) -> Array:
    return jnp.exp(2 * jnp.clip(x, -FAR, FAR))


def _near_odds(exp_u: Float[Array, "q n"], exp_w: Float[Array, "q m"]) -> Float[Array, "q n m"]:
    return exp_u[:, :, None] * exp_w[:, None, :]


def _far_odds(u: Float[Array, "q n"], w: Float[Array, "q m"]) -> Float[Array, "q n m"]:
    return jnp.exp(2 * (u[:, :, None] + w[:, None, :]))


def _near_sums(
    g: Float[Array, "r n m"], u: Float[Array, "r n"], w: Float[Array, "r m"], v: Float[Array, " r"]
) -> tuple[Float[Array, "r n"], Float[Array, "r m"], Float[Array, " r"]]:
    """Returns the sums of `g v p (1 - p)` over m and over n, and of `g p` over both; p = 1 / (1 + u w).

    As 1 - p = u w p and p = p² (1 + u w), all three are products of one array z with vectors, so that
    nothing else of the pairs' size has to be written. z = g p² max(u, 1) max(w, 1): without the factors, u
    and w of opposite size would make numbers that float32 rounds to zero. They are put into both of the p's
    denominators, where they cost nothing.
    """
    below_u, below_w = jnp.minimum(u, 1), jnp.minimum(w, 1)
    inverse_u, inverse_w = 1 / jnp.maximum(u, 1), 1 / jnp.maximum(w, 1)
    once = inverse_u[:, :, None] + _near_odds(below_u, w)
    again = inverse_w[:, None, :] + _near_odds(u, below_w)
    z = g / (once * again)
    of_rows = below_u * jnp.einsum("rnm,rm->rn", z, below_w)
    columns = jnp.einsum("rkn,rnm->rkm", jnp.stack([below_u, inverse_u], 1), z)
    of_columns = below_w * columns[:, 0]
    return v[:, None] * of_rows, v[:, None] * of_columns, (of_columns + columns[:, 1] * inverse_w).sum(1)


def _sums(
    g: Float[Array, "r n m"],
    u: Float[Array, "q n"],
    w: Float[Array, "q m"],
    v: Float[Array, " r"],
    *,
    odds: Callable,
) -> tuple[Float[Array, "q n"], Float[Array, "q m"], Float[Array, " r"]]:
    """Returns the same for any odds, and for a unit that all relations share, at more cost.

    By products: in a loop, XLA on the CPU takes up to twenty times as long for some sums.
    """
    there = jnp.minimum(odds(u, w), MANY)
    p = 1 / (1 + there)
    weighted = g * v[:, None, None] if len(u) == len(g) else jnp.einsum("rnm,r->nm", g, v)[None]
    slope = weighted * ((there * p) * p)
    of_rows = jnp.einsum("qnm,qm->qn", slope, jnp.ones_like(w))
    return of_rows, slope.sum(1), jnp.einsum("rnm,rnm->r", g, jnp.broadcast_to(p, g.shape))
