"""A chain's log-partition and best path by halves: log n rounds of small matrix products, not n steps.

Each round takes the transition matrices of neighbouring stretches of the chain to that of both together, so
that few programs with much to do in each stand in for many with little, which is what a GPU wants. It costs t
times the arithmetic of the recursion in `crf.py`, whose two questions these functions answer.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.types import CRFPotentials

NEVER = -1e30
"""The log potential, in nats, of what cannot happen. No sum of trained potentials comes near it, and even the
score of millions of such steps is finite, so that differences stay numbers."""


def log_partition(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Float[Array, " b"]:
    """As `crf.log_partition`."""
    chain = _chain(potentials, mask)
    while chain.shape[1] > 1:
        chain = jax.nn.logsumexp(_joined(chain), 3)
    log_z = jax.nn.logsumexp(potentials.initial[:, :, None] + chain[:, 0], (1, 2))
    return jnp.where(mask[:, 0], log_z, 0)


def viterbi(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Int[Array, "b n"]:
    """As `crf.viterbi`; of several best sequences it may be another."""
    chain, middles = _chain(potentials, mask), []
    while chain.shape[1] > 1:
        scores = _joined(chain)
        chain, middle = jnp.max(scores, 3), jnp.argmax(scores, 3)
        middles.append(middle)
    batch, num_tags = potentials.initial.shape
    ends = jnp.argmax((potentials.initial[:, :, None] + chain[:, 0]).reshape(batch, -1), 1)
    tags = jnp.stack([ends // num_tags, ends % num_tags], 1)  # at the bounds of the stretches
    for middle in reversed(middles):
        pairs = tags[:, :-1] * num_tags + tags[:, 1:]
        between = jnp.take_along_axis(middle.reshape(*pairs.shape, -1), pairs[:, :, None], 2)[:, :, 0]
        woven = jnp.stack([tags[:, :-1], between], 2).reshape(batch, -1)
        tags = jnp.concatenate([woven, tags[:, -1:]], 1)
    return jnp.where(mask, tags[:, : mask.shape[1]], 0)


def _chain(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Float[Array, "b k t t"]:
    """Transitions into tokens 1 .. n-1 and, over padding and up to a power of two, the identity."""
    num_tags, steps = potentials.initial.shape[1], mask.shape[1] - 1
    stay = jnp.where(jnp.eye(num_tags, dtype=bool), 0, NEVER).astype(potentials.initial.dtype)
    chain = jnp.where(mask[:, 1:, None, None], potentials.pairwise[:, 1:], stay[None, None])
    missing = (1 << max(steps - 1, 0).bit_length()) - steps
    return jnp.concatenate([chain, jnp.broadcast_to(stay, (len(mask), missing, *stay.shape))], 1)


def _joined(chain: Float[Array, "b k t t"]) -> Float[Array, "b l t t t"]:
    """Scores of neighbouring stretches by first, middle (axis 3) and last tag."""
    return chain[:, 0::2, :, :, None] + chain[:, 1::2, None, :, :]
