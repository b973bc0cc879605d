"""A chain's log-partition and best path by halving: log n rounds of small matrix products, not n steps.

Each round combines the transition matrices of neighbouring segments of the chain into one matrix. A GPU runs
few large rounds faster than many small steps. The rounds need t times the arithmetic of the recursions in
`crf.py`, which compute the same results.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.types import CRFPotentials

NEVER = -1e30
"""The log potential of an impossible event, in nats.

Sums of trained potentials never come near this value. The score of millions of impossible steps is still
finite, so that differences of scores are never NaN.
"""


def log_partition(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Float[Array, " b"]:
    """Computes `crf.log_partition`."""
    chain = _chain(potentials, mask)
    while chain.shape[1] > 1:
        chain = jax.nn.logsumexp(_joined(chain), 3)
    log_z = jax.nn.logsumexp(potentials.initial[:, :, None] + chain[:, 0], (1, 2))
    return jnp.where(mask[:, 0], log_z, 0)


def viterbi(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Int[Array, "b n"]:
    """Computes `crf.viterbi`, except that any of several best sequences may be returned."""
    chain, middles = _chain(potentials, mask), []
    while chain.shape[1] > 1:
        scores = _joined(chain)
        chain, middle = jnp.max(scores, 3), jnp.argmax(scores, 3)
        middles.append(middle)
    batch, num_tags = potentials.initial.shape
    ends = jnp.argmax((potentials.initial[:, :, None] + chain[:, 0]).reshape(batch, -1), 1)
    tags = jnp.stack([ends // num_tags, ends % num_tags], 1)  # at the bounds of the segments
    for middle in reversed(middles):
        pairs = tags[:, :-1] * num_tags + tags[:, 1:]
        between = jnp.take_along_axis(middle.reshape(*pairs.shape, -1), pairs[:, :, None], 2)[:, :, 0]
        woven = jnp.stack([tags[:, :-1], between], 2).reshape(batch, -1)
        tags = jnp.concatenate([woven, tags[:, -1:]], 1)
    return jnp.where(mask, tags[:, : mask.shape[1]], 0)


def _chain(potentials: CRFPotentials, mask: Bool[Array, "b n"]) -> Float[Array, "b k t t"]:
    """Returns the transition matrices to tokens 1 .. n-1, filled up to a power of two.

    At padding and in the filled-up part, the matrices are identities: the tag stays the same.
    """
    num_tags, steps = potentials.initial.shape[1], mask.shape[1] - 1
    stay = jnp.where(jnp.eye(num_tags, dtype=bool), 0, NEVER).astype(potentials.initial.dtype)
    chain = jnp.where(mask[:, 1:, None, None], potentials.pairwise[:, 1:], stay[None, None])
    missing = (1 << max(steps - 1, 0).bit_length()) - steps
    return jnp.concatenate([chain, jnp.broadcast_to(stay, (len(mask), missing, *stay.shape))], 1)


def _joined(chain: Float[Array, "b k t t"]) -> Float[Array, "b l t t t"]:
    """Returns the scores of pairs of neighbouring segments by first, middle (axis 3) and last tag."""
    return chain[:, 0::2, :, :, None] + chain[:, 1::2, None, :, :]
