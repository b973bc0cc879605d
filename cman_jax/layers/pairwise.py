"""The fused pairwise tanh score: for every pair of tokens, a sum over hidden units that are never stored.

`model/relation.py` contains the relation scorer, Eq. (9), whose hidden layer has this form. GPUs use the
kernels of `pairwise_kernels.py`.

For summands u and w of a pair, the odds are `e^{2(u + w)}`, and `tanh(u + w) = 1 - 2 / (1 + odds)`. A unit is
near if all its summands are within ±43, and far otherwise. The odds of near units are products of
exponentials of n + m summands, which float32 can hold. The odds of far units are exponentials of every pair's
sum.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.platform import by_platform, kernel

FAR = 43.0
"""The limit of near summands: `e^{2u}` must be a normal number of float32, and 2 * 43 < log(3.4e38)."""
MANY = 1e37
"""The upper bound of odds: finite in float32, and so large that `1 / (1 + odds)` is practically zero."""
_kernel_score = kernel("cman_jax.layers.pairwise_kernels", "score")
_kernel_gradients = kernel("cman_jax.layers.pairwise_kernels", "gradients")


@jax.custom_vjp
def pairwise_tanh_score(
    subject: Float[Array, "b f q n"], object_: Float[Array, "b f q m"], output: Float[Array, "f r"]
) -> Float[Array, "b r n m"]:
    """Computes `sum_f output[f, r] tanh(subject[b, f, q, n] + object_[b, f, q, m])` in a loop over f.

    No array of size n m r f exists, forwards or backwards, and results are exact up to rounding for all
    finite summands. For near units, `tanh(u + w) = 1 - 2 / (1 + e^{2u} e^{2w})` needs only the exponentials
    of n + m summands. A second loop over the far units computes the exponential of every pair's sum, which
    takes three to four times as long.

    Args:
      subject: the summands of the subjects; q = r, or q = 1 for hidden units that all relations share.
      object_: the summands of the objects.
      output: the output weights.
    """
    return _score_forward(subject, object_, output)[0]


def _score_forward(subject: Array, object_: Array, output: Array) -> tuple[Array, tuple[Array, ...]]:
    """Returns the scores, and the arrays that the backward pass needs."""
    arguments = subject, object_, output
    return by_platform(*arguments, cuda=_kernel_score, default=_score_in_turn), arguments


def _score_backward(residuals: tuple[Array, ...], d_logits: Array) -> tuple[Array, Array, Array]:
    """Returns the gradients of the summands and the output weights, from the gradient of the scores."""
    subject, object_, output = residuals
    arguments = (subject, object_, d_logits, output)
    return by_platform(*arguments, cuda=_kernel_gradients, default=_gradients_in_turn)


pairwise_tanh_score.defvjp(_score_forward, _score_backward)


@jax.jit
def _score_in_turn(subject: Array, object_: Array, output: Array) -> Array:
    """Computes the scores by a loop over the units."""
    far = _far_units(subject, object_)
    return jax.vmap(_score_sentence, (0, 0, None, None))(subject, object_, output, far)


def _score_sentence(
    subject: Float[Array, "f q n"],
    object_: Float[Array, "f q m"],
    output: Float[Array, "f r"],
    far: Bool[Array, " f"],
) -> Float[Array, "r n m"]:
    """Computes the scores of one sentence.

    Args:
      subject: the summands of the subjects.
      object_: the summands of the objects.
      output: the output weights.
      far: which units are far.
    """

    def add(logits: Array, odds: Callable, u: Array, w: Array, v: Array) -> Array:
        return logits + v[:, None, None] * (1 - 2 / (1 + odds(u, w)))

    def add_near(logits: Array, inputs: tuple[Array, Array, Array]) -> tuple[Array, None]:
        return add(logits, _near_odds, *inputs), None

    def add_far(logits: Array, unit: Int[Array, ""]) -> Array:
        return add(logits, _far_odds, *_at(unit, subject, object_, output))

    logits = jnp.zeros((output.shape[1], subject.shape[-1], object_.shape[-1]), subject.dtype)
    near_units = _near_exp(subject), _near_exp(object_), jnp.where(far[:, None], 0, output)
    return _over(far, add_far, jax.lax.scan(add_near, logits, near_units)[0])


@jax.jit
def _gradients_in_turn(
    subject: Array, object_: Array, d_logits: Array, output: Array
) -> tuple[Array, Array, Array]:
    """Returns the gradients of the summands and the output weights, by a loop over the units."""
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
    """Returns the gradients of one sentence: of both summands and of the output weights.

    Near units are computed first. The gradients of far units then replace the results for these units.
    """
    near_sums = _near_sums if subject.shape[1] == len(d_logits) else partial(_sums, odds=_near_odds)
    d_total = d_logits.sum((1, 2))

    def gradients(sums: Callable, u: Array, w: Array, v: Array) -> tuple[Array, Array, Array]:
        d_u, d_w, d_sigmoid = sums(d_logits, u, w, v)
        return 4 * d_u, 4 * d_w, d_total - 2 * d_sigmoid  # tanh = 1 - 2p, and its derivative is 4p (1 - p)

    def near_gradients(
        carry: None, inputs: tuple[Array, Array, Array]
    ) -> tuple[None, tuple[Array, Array, Array]]:
        return carry, gradients(near_sums, *inputs)

    def replace_far(found: tuple[Array, ...], unit: Int[Array, ""]) -> tuple[Array, ...]:
        exact = gradients(partial(_sums, odds=_far_odds), *_at(unit, subject, object_, output))
        put = partial(jax.lax.dynamic_update_index_in_dim, index=unit, axis=0)
        return tuple(map(put, found, exact))

    found = jax.lax.scan(near_gradients, None, (_near_exp(subject), _near_exp(object_), output))[1]
    return _over(far, replace_far, found)


# Near and far units


def _far_units(subject: Float[Array, "b f q n"], object_: Float[Array, "b f q m"]) -> Bool[Array, " f"]:
    """Returns which units have a summand beyond ±43 in any sentence."""
    return _any_far(subject) | _any_far(object_)


@jax.custom_batching.custom_vmap
def _any_far(x: Float[Array, "b f q n"]) -> Bool[Array, " f"]:
    """Returns which units have a summand beyond ±43."""
    return jnp.any(jnp.abs(x) > FAR, (0, 2, 3))


@_any_far.def_vmap
def _any_far_of_population(
    axis_size: int, in_batched: list[bool], x: Float[Array, "s b f q n"]
) -> tuple[Bool[Array, " f"], bool]:
    """Returns one result for all members of a population.

    With a separate result for each member, the loop over far units would copy its state in every step.
    """
    del axis_size, in_batched
    return _any_far(x.reshape(-1, *x.shape[2:])), False


def _over(far: Bool[Array, " f"], body: Callable, carry: Any) -> Any:
    """Calls `carry = body(carry, unit)` for every far unit, and returns the last `carry`."""
    order = jnp.argsort(~far)
    return jax.lax.fori_loop(0, far.sum(), lambda k, carry: body(carry, order[k]), carry)


def _at(unit: Int[Array, ""], *arrays: Array) -> list[Array]:
    """Returns each array's entry for one unit."""
    return [jax.lax.dynamic_index_in_dim(x, unit, keepdims=False) for x in arrays]


def _near_exp(x: Array) -> Array:
    """Computes `e^{2x}` of near summands; far summands are clipped."""
    return jnp.exp(2 * jnp.clip(x, -FAR, FAR))


def _near_odds(exp_u: Float[Array, "q n"], exp_w: Float[Array, "q m"]) -> Float[Array, "q n m"]:
    """Computes the odds of all pairs from the exponentials of the summands."""
    return exp_u[:, :, None] * exp_w[:, None, :]


def _far_odds(u: Float[Array, "q n"], w: Float[Array, "q m"]) -> Float[Array, "q n m"]:
    """Computes the odds of all pairs from the summands themselves."""
    return jnp.exp(2 * (u[:, :, None] + w[:, None, :]))


def _near_sums(
    g: Float[Array, "r n m"], u: Float[Array, "r n"], w: Float[Array, "r m"], v: Float[Array, " r"]
) -> tuple[Float[Array, "r n"], Float[Array, "r m"], Float[Array, " r"]]:
    """Returns the sums of `g v p (1 - p)` over m and over n, and of `g p` over both, with p = 1 / (1 + u w).

    The identities 1 - p = u w p and p = p² (1 + u w) make all three sums products of vectors with one array.
    This array over all pairs is `z = g p² max(u, 1) max(w, 1)`. Without the two maxima, a large u and a small
    w (or the reverse) would give numbers that float32 rounds to zero. The maxima are part of the denominators
    of the two factors p, where they cost no time.

    Args:
      g: the gradient of the scores.
      u: exponentials of the subjects' summands.
      w: exponentials of the objects' summands.
      v: the output weights of the unit.
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
    """Returns the sums of `_near_sums` for any odds, and also for a unit that all relations share.

    This function takes more time. Two of the sums are products, because in a loop XLA on the CPU takes up to
    twenty times as long for some sums.

    Args:
      g: the gradient of the scores.
      u: the subjects' summands, in the form that `odds` takes.
      w: the objects' summands, in the form that `odds` takes.
      v: the output weights of the unit.
      odds: computes the odds of all pairs.
    """
    pair_odds = jnp.minimum(odds(u, w), MANY)
    p = 1 / (1 + pair_odds)
    weighted = g * v[:, None, None] if len(u) == len(g) else jnp.einsum("rnm,r->nm", g, v)[None]
    slope = weighted * ((pair_odds * p) * p)
    of_rows = jnp.einsum("qnm,qm->qn", slope, jnp.ones_like(w))
    return of_rows, slope.sum(1), jnp.einsum("rnm,rnm->r", g, jnp.broadcast_to(p, g.shape))
