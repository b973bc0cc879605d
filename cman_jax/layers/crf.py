"""The inference of a linear-chain CRF, Eq. (8): log-partition, sequence score, best sequence and marginals.

The functions take `CRFPotentials` of either kind; `model/tagging.py` computes the potentials. All scores are
in nats. Marginals are the gradient of `log_partition`: the E-step by differentiation, as in
jax/examples/hmm_em.py. GPUs use other forms of two functions, which `crf_tree.py` contains.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers import crf_tree
from cman_jax.layers.platform import by_platform
from cman_jax.types import CRFPotentials


def constrain(
    potentials: CRFPotentials, start_allowed: Bool[Array, " t"], allowed: Bool[Array, "t t"]
) -> CRFPotentials:
    """Returns potentials that forbid first tags and transitions, so that decoding gives well-formed BIO tags.

    Args:
      potentials: the unconstrained potentials.
      start_allowed: whether each tag may be the first.
      allowed: at [a, b], whether tag b may follow tag a.
    """
    return CRFPotentials(
        initial=jnp.where(start_allowed[None], potentials.initial, crf_tree.NEVER),
        pairwise=jnp.where(allowed[None, None], potentials.pairwise, crf_tree.NEVER),
    )


@jax.custom_vjp
def log_partition(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Float[Array, " b"]:
    """Computes `log Z`, the log-sum-exp of the scores of all tag sequences, in nats.

    Args:
      potentials: log potentials of the chain. Values at padding have no effect.
      mask: True at real tokens, which come before all padding. The result is 0 for an empty sentence.
    """
    return by_platform(potentials, mask, cuda=crf_tree.log_partition, default=_log_partition_recursion)


def _log_partition_recursion(potentials: CRFPotentials, mask: Array) -> Array:
    """Computes `log_partition` by the forward recursion, one token after another."""

    def step(alpha: Float[Array, "b t"], inputs: tuple[Array, Array]) -> tuple[Array, None]:
        pairwise, taken = inputs
        extended = jax.nn.logsumexp(alpha[:, :, None] + pairwise, 1)
        return jnp.where(taken[:, None], extended, alpha), None

    alpha, _ = jax.lax.scan(step, potentials.initial, _steps(potentials, mask))
    return jnp.where(mask[:, 0], jax.nn.logsumexp(alpha, 1), 0)


def _partition_forward(potentials: CRFPotentials, mask: Array) -> tuple[Array, CRFPotentials]:
    """Returns `log_partition` and its gradient.

    The gradient is computed inside the choice of the platform, so that only the chosen form is
    differentiated.
    """

    def with_gradient(log_z: Callable) -> Callable:
        """Returns a function that returns the value and the gradient of `log_z`."""

        def both(potentials: CRFPotentials, mask: Array) -> tuple[Array, CRFPotentials]:
            value, gradient = jax.vjp(lambda p: log_z(p, mask), potentials)
            return value, gradient(jnp.ones_like(value))[0]

        return both

    forms = {
        "cuda": with_gradient(crf_tree.log_partition),
        "default": with_gradient(_log_partition_recursion),
    }
    return by_platform(potentials, mask, **forms)


def _partition_backward(gradient: CRFPotentials, d_log_z: Array) -> tuple[CRFPotentials, None]:
    """Returns the gradient of the potentials, from the saved gradient of `log Z`."""
    initial, pairwise = gradient
    return CRFPotentials(initial * d_log_z[:, None], pairwise * d_log_z[:, None, None, None]), None


log_partition.defvjp(_partition_forward, _partition_backward)


def sequence_score(
    potentials: CRFPotentials, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
) -> Float[Array, " b"]:
    """Computes the score `sum_i log φ_i(y_{i-1}, y_i)` of one tag sequence per sentence, in nats.

    Args:
      potentials: log potentials of the chain.
      tags: the tag sequences; values at padding do not matter.
      mask: True at real tokens. The score of an empty sentence is 0.
    """
    initial = jnp.take_along_axis(potentials.initial, tags[:, :1], 1)[:, 0]
    into = jnp.take_along_axis(potentials.pairwise[:, 1:], tags[:, 1:, None, None], 3)[..., 0]
    steps = jnp.take_along_axis(into, tags[:, :-1, None], 2)[..., 0]
    return jnp.where(mask[:, 0], initial, 0) + jnp.sum(steps * mask[:, 1:], 1)


def viterbi(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Int[Array, "b n"]:
    """Returns the highest-scoring tag sequence. Padding contains tag 0.

    Of equal scores, the lower tag wins. On GPUs, any of the best sequences may be returned.

    Args:
      potentials: log potentials of the chain, in nats.
      mask: True at real tokens, which come before all padding.
    """
    return by_platform(potentials, mask, cuda=crf_tree.viterbi, default=_viterbi_recursion)


def _viterbi_recursion(potentials: CRFPotentials, mask: Array) -> Array:
    """Computes `viterbi` by the forward recursion and a pass back, one token after another."""

    def forward(best: Float[Array, "b t"], inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        pairwise, taken = inputs
        scores = best[:, :, None] + pairwise
        stay = jnp.arange(best.shape[1])[None]
        source = jnp.where(taken[:, None], jnp.argmax(scores, 1), stay)
        return jnp.where(taken[:, None], jnp.max(scores, 1), best), source

    def backward(tag: Int[Array, " b"], source: Int[Array, "b t"]) -> tuple[Array, Array]:
        before = jnp.take_along_axis(source, tag[:, None], 1)[:, 0]
        return before, before

    best, sources = jax.lax.scan(forward, potentials.initial, _steps(potentials, mask))
    last = jnp.argmax(best, 1)
    _, earlier = jax.lax.scan(backward, last, sources, reverse=True)
    return jnp.where(mask, jnp.concatenate([earlier, last[None]]).T, 0)


def marginals(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> CRFPotentials:
    """Returns the marginal probabilities of the first tag and of neighbouring tags.

    The result has the shape of the potentials. Padding and `pairwise[:, 0]` contain zeros.

    Args:
      potentials: log potentials of the chain, in nats.
      mask: True at real tokens, which come before all padding.
    """
    return jax.grad(lambda p: log_partition(p, mask).sum())(potentials)


def _steps(potentials: CRFPotentials, mask: Array) -> tuple[Array, Array]:
    """Returns the potentials and the mask of the transitions to tokens 1 .. n-1, with time first."""
    return potentials.pairwise[:, 1:].transpose(1, 0, 2, 3), mask[:, 1:].T
