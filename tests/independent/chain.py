"""A linear chain of one sentence by its recursions; layers.py explains "independent"."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.independent.layers import Array
from tests.independent.network import Chain


def log_z(chain: Chain) -> Array:
    """Returns `log Z`, by the forward recursion."""

    def step(alpha: Array, scores: Array) -> tuple[Array, None]:
        return log_sum_exp(alpha[:, None] + scores), None

    alpha, _ = jax.lax.scan(step, chain.initial, chain.pairwise[1:])
    return log_sum_exp(alpha)


def log_sum_exp(x: Array) -> Array:
    """Returns the logarithm of the sum of exponentials over the first axis, computed stably."""
    largest = jax.lax.stop_gradient(x.max(0))
    return largest + jnp.log(jnp.exp(x - largest).sum(0))


def score(chain: Chain, tags: Array) -> Array:
    """Returns `Σ_i log φ_i(y_{i-1}, y_i)`."""
    steps = chain.pairwise[np.arange(1, len(tags)), tags[:-1], tags[1:]]
    return chain.initial[tags[0]] + steps.sum()


def viterbi(chain: Chain) -> list[int]:
    """Returns the best tag sequence; a potential of -inf forbids a tag."""
    best, sources = np.asarray(chain.initial, np.float64), []
    for step in np.asarray(chain.pairwise, np.float64)[1:]:
        scores = best[:, None] + step
        sources.append(scores.argmax(0))
        best = scores.max(0)
    path = [int(best.argmax())]
    for source in reversed(sources):
        path.append(int(source[path[-1]]))
    return path[::-1]


def marginals(chain: Chain) -> Chain:
    """Returns the probabilities of the first tag and of neighbouring tags.

    They come from the forward and the backward recursion.
    """
    initial, pairwise = (np.asarray(x, np.float64) for x in chain)
    forward, backward = [initial], [np.zeros_like(initial)]
    for step in pairwise[1:]:
        forward.append(np.logaddexp.reduce(forward[-1][:, None] + step, 0))
    for step in pairwise[:0:-1]:
        backward.insert(0, np.logaddexp.reduce(step + backward[0][None], 1))
    total = np.logaddexp.reduce(forward[-1])
    edges = np.zeros_like(pairwise)
    for i in range(1, len(pairwise)):
        edges[i] = np.exp(forward[i - 1][:, None] + pairwise[i] + backward[i][None] - total)
    return Chain(np.exp(forward[0] + backward[0] - total), edges)


def constrained(chain: Chain, start_allowed: np.ndarray, allowed: np.ndarray) -> Chain:
    """Returns the chain in which tags that are not allowed have probability 0."""
    return Chain(
        np.where(start_allowed, chain.initial, -np.inf), np.where(allowed[None], chain.pairwise, -np.inf)
    )
