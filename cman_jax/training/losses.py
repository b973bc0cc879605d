"""The losses of §3.5, Eqs. (11) to (13), as sums; the step divides once."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.crf import log_partition, sequence_score
from cman_jax.types import Batch, CRFPotentials, LossTerms, Potentials


def loss_terms(potentials: Potentials, batch: Batch, *, null_relation: bool) -> LossTerms:
    """Both losses summed over the batch's sentences; padding sentences add nothing."""
    relation = relation_loss(potentials.relation_logits, batch, null_relation=null_relation)
    return LossTerms(
        ner=ner_loss(potentials.tagging, batch).sum(),
        relation=relation.sum(),
        num_sentences=batch.mask.any(1).sum().astype(jnp.float32),
    )


def ner_loss(potentials: CRFPotentials, batch: Batch) -> Float[Array, " b"]:
    """`L_ner = -log P(y|X)`, Eq. (11), in nats per sentence."""
    return log_partition(potentials, batch.mask) - sequence_score(potentials, batch.tags, batch.mask)


def relation_loss(
    logits: Float[Array, "b n m r"], batch: Batch, *, null_relation: bool
) -> Float[Array, " b"]:
    """Binary cross-entropy over every cell of real tokens, in nats, summed per sentence.

    Differs from the paper: Eq. (12) has no targets; this is the loss of Bekoulis et al. (2018).
    """
    targets = relation_targets(
        batch.relation_cells, batch.mask, logits.shape[-1], null_relation=null_relation
    )
    valid = batch.mask[:, :, None, None] & batch.mask[:, None, :, None]
    # Not softplus(s) - s y: for a gold cell of a large logit that is the rounding of a difference.
    cells = jax.nn.softplus(jnp.where(targets, -logits, logits))
    return jnp.sum(jnp.where(valid, cells, 0), (1, 2, 3))


def relation_targets(
    cells: Int[Array, "b p 3"], mask: Bool[Array, "b n"], num_relations: int, *, null_relation: bool
) -> Bool[Array, "b n m r"]:
    """Gold cells as a tensor. With the class 'N' (the last), a token that is no subject points at itself."""
    batch, n = mask.shape
    subject, object_, relation = cells[:, :, 0], cells[:, :, 1], cells[:, :, 2]
    sentence = jnp.arange(batch)[:, None]
    targets = jnp.zeros((batch, n, n, num_relations), bool)
    targets = targets.at[sentence, subject, object_, relation].set(True, mode="drop")
    if not null_relation:
        return targets
    no_subject = mask & ~targets.any((2, 3))
    return targets.at[:, :, :, -1].set(no_subject[:, :, None] & jnp.eye(n, dtype=bool)[None])
