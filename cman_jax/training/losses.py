"""The losses of §3.5, Eqs. (11) to (13), as sums; the step divides once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.config import TrainingConfig
from cman_jax.layers.crf import log_partition, sequence_score
from cman_jax.types import Batch, CRFPotentials, LossTerms, Potentials


class Objective(NamedTuple):
    """Settings of the loss that training minimises; by default, both losses without an adversarial pass.

    Attributes:
      alpha: radius of the perturbation, Eq. (14); 0 leaves the adversarial pass out.
      positive_weight: weight of the gold cells of relations; the paper has none.
      relation_smoothing: s of label smoothing: the target of a gold cell is 1 - s/2, that of others s/2.
    """

    alpha: float = 0.0
    positive_weight: float = 1.0
    relation_smoothing: float = 0.0

    @classmethod
    def of(cls, config: TrainingConfig) -> "Objective":
        """Returns the objective of a config."""
        return cls(*(getattr(config, name) for name in cls._fields))


PLAIN = Objective()
"""The paper's losses, without an adversarial pass."""


def loss_terms(
    potentials: Potentials, batch: Batch, objective: Objective = PLAIN, *, null_relation: bool
) -> LossTerms:
    """Returns both losses, summed over the sentences of a batch; padding sentences add nothing.

    Args:
      potentials: the network's output for the batch.
      batch: contains the gold tags and relations.
      objective: the weight and the smoothing of relations.
      null_relation: whether the last relation type is the class 'N'.
    """
    relation = relation_loss(potentials.relation_logits, batch, objective, null_relation=null_relation)
    return LossTerms(ner=ner_loss(potentials.tagging, batch).sum(), relation=relation.sum())


def ner_loss(potentials: CRFPotentials, batch: Batch) -> Float[Array, " b"]:
    """Returns `L_ner = -log P(y|X)`, Eq. (11), in nats per sentence; 0 for a sentence without tokens.

    Args:
      potentials: log potentials of the tags, in nats.
      batch: contains the gold tags; padding is ignored.
    """
    return log_partition(potentials, batch.mask) - sequence_score(potentials, batch.tags, batch.mask)


def relation_loss(
    logits: Float[Array, "b n m r"],
    batch: Batch,
    objective: Objective = PLAIN,
    *,
    null_relation: bool,
) -> Float[Array, " b"]:
    """Returns the binary cross-entropy over all pairs of real tokens, in nats, summed per sentence.

    Differs from the paper: Eq. (12) has no targets; this is the loss of Bekoulis et al. (2018).

    Args:
      logits: relation logits; values at padding are ignored.
      batch: contains the gold relations.
      objective: the weight of gold cells, of which cells of the class 'N' have 1, and the smoothing.
      null_relation: whether the last relation type is the class 'N'.
    """
    targets = relation_targets(
        batch.relation_cells, batch.mask, logits.shape[-1], null_relation=null_relation
    )
    valid = batch.mask[:, :, None, None] & batch.mask[:, None, :, None]
    # Not softplus(s) - s y: for a gold cell with a large logit, only rounding would remain of the difference.
    against = jnp.where(targets, -logits, logits)
    cells = jax.nn.softplus(against)
    if objective.relation_smoothing > 0:
        cells = cells - objective.relation_smoothing / 2 * against
    if objective.positive_weight != 1:
        gold = targets.at[:, :, :, -1].set(False) if null_relation else targets
        cells = jnp.where(gold, objective.positive_weight * cells, cells)
    return jnp.sum(jnp.where(valid, cells, 0), (1, 2, 3))


def relation_targets(
    cells: Int[Array, "b p 3"], mask: Bool[Array, "b n"], num_relations: int, *, null_relation: bool
) -> Bool[Array, "b n m r"]:
    """Returns the gold cells as a tensor that is True where a relation holds; False at padding.

    With the class 'N' (the last relation type), a token that is not a subject points at itself.

    Args:
      cells: gold (subject token, object token, relation type); cells outside the tensor are padding.
      mask: True at real tokens.
      num_relations: number of relation types, including the class 'N'.
      null_relation: whether the last relation type is the class 'N'.
    """
    batch, n = mask.shape
    subject, object_, relation = cells[:, :, 0], cells[:, :, 1], cells[:, :, 2]
    sentence = jnp.arange(batch)[:, None]
    targets = jnp.zeros((batch, n, n, num_relations), bool)
    targets = targets.at[sentence, subject, object_, relation].set(True, mode="drop")
    if not null_relation:
        return targets
    not_subject = mask & ~targets.any((2, 3))
    return targets.at[:, :, :, -1].set(not_subject[:, :, None] & jnp.eye(n, dtype=bool)[None])
