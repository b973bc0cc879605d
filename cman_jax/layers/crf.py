"""Linear-chain CRF, Eq. (8): potentials of two kinds, and the four questions one asks of a chain.

Every function takes `CRFPotentials`, so the kinds differ only in the modules that make them. Values are in
nats. Gradients of `log_partition` are marginals: the E-step by
differentiation, as in jax/examples/hmm_em.py.
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
    """Forbids first tags and transitions (`allowed[a, b]`: b may follow a), for BIO-valid decoding."""
    return CRFPotentials(
        initial=jnp.where(start_allowed[None], potentials.initial, crf_tree.NEVER),
        pairwise=jnp.where(allowed[None, None], potentials.pairwise, crf_tree.NEVER),
    )


@jax.custom_vjp
def log_partition(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Float[Array, " b"]:
    """`log Z`: log-sum-exp of the scores of all tag sequences; 0 for an empty sentence."""
    return by_platform(potentials, mask, cuda=crf_tree.log_partition, default=_recursion)


def _recursion(potentials: CRFPotentials, mask: Array) -> Array:
    def step(alpha: Float[Array, "b t"], inputs: tuple[Array, Array]) -> tuple[Array, None]:
        pairwise, taken = inputs
        extended = jax.nn.logsumexp(alpha[:, :, None] + pairwise, 1)
        return jnp.where(taken[:, None], extended, alpha), None

    alpha, _ = jax.lax.scan(step, potentials.initial, _steps(potentials, mask))
    return jnp.where(mask[:, 0], jax.nn.logsumexp(alpha, 1), 0)


def _partition_forward(potentials: CRFPotentials, mask: Array) -> tuple[Array, CRFPotentials]:
    """The gradient is taken here, while the form is being chosen, and by one form alone."""

    def with_gradient(log_z: Callable) -> Callable:
        def both(potentials: CRFPotentials, mask: Array) -> tuple[Array, CRFPotentials]:
            value, gradient = jax.vjp(lambda p: log_z(p, mask), potentials)
            return value, gradient(jnp.ones_like(value))[0]

        return both

    forms = {"cuda": with_gradient(crf_tree.log_partition), "default": with_gradient(_recursion)}
    return by_platform(potentials, mask, **forms)


def _partition_backward(gradient: CRFPotentials, d_log_z: Array) -> tuple[CRFPotentials, None]:
    initial, pairwise = gradient
    return CRFPotentials(initial * d_log_z[:, None], pairwise * d_log_z[:, None, None, None]), None


log_partition.defvjp(_partition_forward, _partition_backward)


def sequence_score(
    potentials: CRFPotentials, tags: Int[Array, "b n"], mask: Bool[Array, "b n"]
) -> Float[Array, " b"]:
    """`sum_i log φ_i(y_{i-1}, y_i)` of one tag sequence per sentence; 0 for an empty one."""
    initial = jnp.take_along_axis(potentials.initial, tags[:, :1], 1)[:, 0]
    into = jnp.take_along_axis(potentials.pairwise[:, 1:], tags[:, 1:, None, None], 3)[..., 0]
    steps = jnp.take_along_axis(into, tags[:, :-1, None], 2)[..., 0]
    return jnp.where(mask[:, 0], initial, 0) + jnp.sum(steps * mask[:, 1:], 1)


def viterbi(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Int[Array, "b n"]:
    """The highest-scoring tag sequence; tag 0 at padding. Ties go to the lower tag, but on a GPU to any."""
    return by_platform(potentials, mask, cuda=crf_tree.viterbi, default=_viterbi_recursion)


def _viterbi_recursion(potentials: CRFPotentials, mask: Array) -> Array:
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
    """Probabilities in the shape of the potentials: of the first tag, and of neighbouring tag pairs."""
    return jax.grad(lambda p: log_partition(p, mask).sum())(potentials)


def _steps(potentials: CRFPotentials, mask: Array) -> tuple[Array, Array]:
    """Transitions into tokens 1 .. n-1, time first."""
    return potentials.pairwise[:, 1:].transpose(1, 0, 2, 3), mask[:, 1:].T
