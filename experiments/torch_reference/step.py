"""Losses, the adversarial training step, and prediction, Eqs. (11) to (14) and §3.5."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from experiments.torch_reference.batch import TorchBatch
from experiments.torch_reference.crf import log_partition, sequence_score, viterbi
from experiments.torch_reference.network import Potentials, TorchCMAN


class LossTerms(NamedTuple):
    """Sums over the sentences of a batch, in nats."""

    ner: Float[Tensor, ""]
    relation: Float[Tensor, ""]


class TorchPredictions(NamedTuple):
    """Viterbi tags and relation probabilities given them."""

    tags: Tensor
    relation_prob: Tensor


def relation_targets(
    batch: TorchBatch, num_relations: int, *, null_relation: bool
) -> Float[Tensor, "b n m r"]:
    """Gold cells; with the class 'N' (the last) a token that is no subject points at itself."""
    size, n = batch.mask.shape
    targets = torch.zeros(size, n, n, num_relations, device=batch.mask.device)
    targets[tuple(batch.relation_cells.T)] = targets.new_ones(())  # a number would come from the CPU
    if null_relation:
        no_subject = batch.mask & ~targets.bool().any(3).any(2)
        targets[..., -1] = torch.diag_embed(no_subject.float())
    return targets


def loss_terms(potentials: Potentials, batch: TorchBatch, *, null_relation: bool) -> LossTerms:
    """Both losses, summed."""
    tagging, logits = potentials
    ner = log_partition(tagging, batch.mask) - sequence_score(tagging, batch.tags, batch.mask)
    targets = relation_targets(batch, logits.shape[-1], null_relation=null_relation)
    cells = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    valid = batch.mask[:, :, None, None] & batch.mask[:, None, :, None]
    return LossTerms(ner.sum(), (cells * valid).sum())


def perturbation(
    gradient: Float[Tensor, "b n e"], mask: Bool[Tensor, "b n"], alpha: float
) -> Float[Tensor, "b n e"]:
    """Eq. (14), one norm per sentence."""
    gradient = gradient.detach() * mask[:, :, None]
    norm = gradient.flatten(1).norm(dim=1)[:, None, None]
    return alpha * gradient.shape[-1] ** 0.5 * gradient / norm.clamp(min=1e-30)


def accumulate_gradients(model: TorchCMAN, batch: TorchBatch, alpha: float) -> tuple[LossTerms, Tensor]:
    """Gradients of `L(x) + L(x + η)`, mean over sentences, into `.grad`. Returns the clean losses and η."""

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
    """One update."""
    optimizer.zero_grad()
    terms, _ = accumulate_gradients(model, batch, alpha)
    if clip_norm > 0:
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
    return terms


@torch.inference_mode()
def predict_step(model: TorchCMAN, batch: TorchBatch) -> TorchPredictions:
    """Viterbi tags, then relations given them."""
    x = model.encode_tokens(model.encode_inputs(batch), batch)
    tags = viterbi(model.tagging(x, batch.mask), batch.mask)
    return TorchPredictions(tags, torch.sigmoid(model.relate(x, tags, batch)))
