"""The linear-chain CRF over tags, Eq. (8): its potentials, log partition, sequence scores and best path."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cman_jax.config import CRFKind


class CRFPotentials(NamedTuple):
    """The potentials of a linear chain; the counterpart of `cman_jax.types.CRFPotentials`.

    Attributes:
      initial: scores of the first token's tag.
      pairwise: scores of (previous tag, tag) at each token; the entry of the first token is not used.
    """

    initial: Float[Tensor, "b t"]
    pairwise: Float[Tensor, "b n t t"]


class TaggingPotentials(nn.Module):
    """The layer that computes CRF potentials from token features.

    Args:
      width: the width of the token features.
      num_tags: the number of tags.
      kind: "pairwise" computes a score for every pair of tags from the features. "factored" adds emissions
        and transitions.
    """

    def __init__(self, width: int, num_tags: int, kind: CRFKind):
        super().__init__()
        self.num_tags, self.kind = num_tags, kind
        if kind == "pairwise":
            self.scores = nn.Linear(width, (num_tags + 1) * num_tags)
        else:
            self.emissions = nn.Linear(width, num_tags)
            self.transitions = nn.Parameter(torch.zeros(num_tags, num_tags))
            self.start = nn.Parameter(torch.zeros(num_tags))
            self.end = nn.Parameter(torch.zeros(num_tags))

    def forward(self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> CRFPotentials:
        """Computes the potentials of each sentence."""
        if self.kind == "pairwise":
            scores = self.scores(x).unflatten(-1, (self.num_tags + 1, self.num_tags))
            return CRFPotentials(scores[:, 0, 0], scores[:, :, 1:])
        last = mask & ~nn.functional.pad(mask[:, 1:], (0, 1))
        emissions = self.emissions(x) + last[:, :, None] * self.end
        return CRFPotentials(emissions[:, 0] + self.start, emissions[:, :, None] + self.transitions)


def log_partition(potentials: CRFPotentials, mask: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """Computes `log Z`, the log partition of each sentence, in nats.

    Args:
      potentials: the potentials of the chain; values at padding are ignored.
      mask: True for real tokens.
    """
    alpha = potentials.initial
    for i in range(1, mask.shape[1]):
        extended = torch.logsumexp(alpha[:, :, None] + potentials.pairwise[:, i], 1)
        alpha = torch.where(mask[:, i, None], extended, alpha)
    return torch.logsumexp(alpha, 1)


def sequence_score(
    potentials: CRFPotentials, tags: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]
) -> Float[Tensor, " b"]:
    """Computes the unnormalized score of one tag sequence per sentence, in nats.

    Args:
      potentials: the potentials of the chain; values at padding are ignored.
      tags: the tag id of each token.
      mask: True for real tokens.
    """
    num_tags = potentials.initial.shape[1]
    initial = potentials.initial.gather(1, tags[:, :1])[:, 0]
    into = potentials.pairwise[:, 1:].gather(3, tags[:, 1:, None, None].expand(-1, -1, num_tags, 1))
    steps = into[..., 0].gather(2, tags[:, :-1, None])[..., 0]
    return initial + (steps * mask[:, 1:]).sum(1)


def viterbi(potentials: CRFPotentials, mask: Bool[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """Returns the tag sequence with the highest score; padding gets tag 0.

    Args:
      potentials: the potentials of the chain; values at padding are ignored.
      mask: True for real tokens.
    """
    best, sources = potentials.initial, []
    stay = torch.arange(best.shape[1], device=mask.device)
    for i in range(1, mask.shape[1]):
        scores, source = (best[:, :, None] + potentials.pairwise[:, i]).max(1)
        best = torch.where(mask[:, i, None], scores, best)
        sources.append(torch.where(mask[:, i, None], source, stay))
    path = [best.argmax(1)]
    for source in reversed(sources):
        path.append(source.gather(1, path[-1][:, None])[:, 0])
    return torch.stack(path[::-1], 1) * mask
