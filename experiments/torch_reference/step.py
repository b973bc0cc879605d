"""The losses, the adversarial training step, and the prediction, Eqs. (11) to (14) and §3.5."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from experiments.torch_reference.batch import TorchBatch
from experiments.torch_reference.crf import log_partition, sequence_score, viterbi
from experiments.torch_reference.network import Potentials, TorchCMAN


class LossTerms(NamedTuple):
    """The losses of a batch, summed over its sentences, in nats.

    Attributes:
      ner: the negative log-likelihood of the gold tags.
      relation: the binary cross-entropy of the relation cells.
    """

    ner: Float[Tensor, ""]
    relation: Float[Tensor, ""]


class TorchPredictions(NamedTuple):
    """The predictions for a batch.

    Attributes:
      tags: the Viterbi tags.
      relation_prob: the relation probabilities under the Viterbi tags.
    """

    tags: Tensor
    relation_prob: Tensor


def relation_targets(
    batch: TorchBatch, num_relations: int, *, null_relation: bool
) -> Float[Tensor, "b n m r"]:
    """Returns the gold relation cells: 1 for a relation, otherwise 0.

    The class 'N' is the last relation type. With it, a token that is not a subject points to itself.

    Args:
      batch: the sentences with their gold relations.
      num_relations: the number of relation types, with the class 'N' where there is one.
      null_relation: whether the class 'N' exists.
    """
    size, n = batch.mask.shape
    targets = torch.zeros(size, n, n, num_relations, device=batch.mask.device)
    # A Python number in place of the tensor would be copied from the CPU.
    targets[tuple(batch.relation_cells.T)] = targets.new_ones(())
    if null_relation:
        no_subject = batch.mask & ~targets.bool().any(3).any(2)
        targets[..., -1] = torch.diag_embed(no_subject.float())
    return targets


def loss_terms(potentials: Potentials, batch: TorchBatch, *, null_relation: bool) -> LossTerms:
    """Computes both losses, summed over the sentences, in nats.

    Args:
      potentials: the potentials of the batch; values at padding are ignored.
      batch: the sentences with their gold tags and relations.
      null_relation: whether the class 'N' exists.
    """
    tagging, logits = potentials
    ner = log_partition(tagging, batch.mask) - sequence_score(tagging, batch.tags, batch.mask)
    targets = relation_targets(batch, logits.shape[-1], null_relation=null_relation)
    cells = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    valid = batch.mask[:, :, None, None] & batch.mask[:, None, :, None]
    return LossTerms(ner.sum(), (cells * valid).sum())


def perturbation(
    gradient: Float[Tensor, "b n e"], mask: Bool[Tensor, "b n"], alpha: float
) -> Float[Tensor, "b n e"]:
    """Computes the adversarial perturbation η, Eq. (14), with one norm per sentence.

    Args:
      gradient: the gradient of the loss with respect to the token inputs.
      mask: True for real tokens; η is 0 at padding.
      alpha: the factor α of the perturbation's norm.
    """
    gradient = gradient.detach() * mask[:, :, None]
    norm = gradient.flatten(1).norm(dim=1)[:, None, None]
    return alpha * gradient.shape[-1] ** 0.5 * gradient / norm.clamp(min=1e-30)


def accumulate_gradients(model: TorchCMAN, batch: TorchBatch, alpha: float) -> tuple[LossTerms, Tensor]:
    """Adds the gradients of `L(x) + L(x + η)`, as means over the sentences, to `.grad`.

    Args:
      model: the network.
      batch: the sentences with their gold tags and relations.
      alpha: the factor α of the perturbation's norm; 0: no adversarial training.

    Returns:
      The losses of the unperturbed inputs, summed over the sentences, and η.
    """

    def backward(inputs: Tensor) -> LossTerms:
        terms = loss_terms(model(inputs, batch), batch, null_relation=model.config.null_relation)
        ((terms.ner + terms.relation) / len(batch.mask)).backward()
        return terms

    inputs = model.encode_inputs(batch)
    inputs.retain_grad()
    terms = backward(inputs)
    eta = perturbation(inputs.grad, batch.mask, alpha)
    if alpha > 0:
        backward(model.encode_inputs(batch) + eta)
    return terms, eta


def train_step(
    model: TorchCMAN, optimizer: torch.optim.Optimizer, batch: TorchBatch, alpha: float, clip_norm: float
) -> LossTerms:
    """Updates the parameters on one batch.

    Args:
      model: the network.
      optimizer: the optimizer of the network's parameters.
      batch: the sentences with their gold tags and relations.
      alpha: the factor α of the perturbation's norm; 0: no adversarial training.
      clip_norm: the largest norm of the gradients; 0: gradients are not clipped.

    Returns:
      The losses of the unperturbed inputs before the update, summed over the sentences.
    """
    optimizer.zero_grad()
    terms, _ = accumulate_gradients(model, batch, alpha)
    if clip_norm > 0:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return terms


@torch.inference_mode()
def predict_step(model: TorchCMAN, batch: TorchBatch) -> TorchPredictions:
    """Predicts the Viterbi tags, then the relation probabilities under these tags.

    Args:
      model: the network.
      batch: the sentences.
    """
    x = model.encode_tokens(model.encode_inputs(batch), batch)
    tags = viterbi(model.tagging(x, batch.mask), batch.mask)
    return TorchPredictions(tags, torch.sigmoid(model.relate(x, tags, batch)))
