"""Potentials of a linear chain, its losses and its best path, Eq. (8)."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cman_jax.config import CRFKind


class CRFPotentials(NamedTuple):
    """As `cman_jax.types.CRFPotentials`."""

    initial: Float[Tensor, "b t"]
    pairwise: Float[Tensor, "b n t t"]


class TaggingPotentials(nn.Module):
    """Token features to potentials of either kind."""

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
        if self.kind == "pairwise":
            scores = self.scores(x).unflatten(-1, (self.num_tags + 1, self.num_tags))
            return CRFPotentials(scores[:, 0, 0], scores[:, :, 1:])
        last = mask & ~nn.functional.pad(mask[:, 1:], (0, 1))
        emissions = self.emissions(x) + last[:, :, None] * self.end
        return CRFPotentials(emissions[:, 0] + self.start, emissions[:, :, None] + self.transitions)


def log_partition(potentials: CRFPotentials, mask: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """`log Z`."""
    alpha = potentials.initial
    for i in range(1, mask.shape[1]):
        extended = torch.logsumexp(alpha[:, :, None] + potentials.pairwise[:, i], 1)
        alpha = torch.where(mask[:, i, None], extended, alpha)
    return torch.logsumexp(alpha, 1)


def sequence_score(
    potentials: CRFPotentials, tags: Int[Tensor, "b n"], mask: Bool[Tensor, "b n"]
) -> Float[Tensor, " b"]:
    """Score of one tag sequence per sentence."""
    num_tags = potentials.initial.shape[1]
    initial = potentials.initial.gather(1, tags[:, :1])[:, 0]
    into = potentials.pairwise[:, 1:].gather(3, tags[:, 1:, None, None].expand(-1, -1, num_tags, 1))
    steps = into[..., 0].gather(2, tags[:, :-1, None])[..., 0]
    return initial + (steps * mask[:, 1:]).sum(1)


def viterbi(potentials: CRFPotentials, mask: Bool[Tensor, "b n"]) -> Int[Tensor, "b n"]:
    """The best tag sequence; tag 0 at padding."""
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
