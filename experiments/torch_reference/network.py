"""The whole PyTorch network: CMAN (§3)."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cman_jax.config import ModelConfig
from cman_jax.types import Sizes
from experiments.torch_reference.batch import TorchBatch
from experiments.torch_reference.crf import CRFPotentials, TaggingPotentials
from experiments.torch_reference.modules import (
    BLA,
    BSA,
    CharacterEmbedding,
    Encoder,
    RelationScorer,
    RunningSums,
    ScalarMix,
)


class Potentials(NamedTuple):
    """The potentials of both tasks; the counterpart of `cman_jax.types.Potentials`.

    Attributes:
      tagging: the potentials of the CRF.
      relation_logits: the logits of every relation type for every pair of tokens (subject, object).
    """

    tagging: CRFPotentials
    relation_logits: Float[Tensor, "b n m r"]


class TorchCMAN(nn.Module):
    """The Cross-Modal Attention Network.

    Args:
      config: the network's config.
      sizes: the sizes that the data determine, such as the number of tags.
      word_dim: the width of frozen word vectors; None: the config's `word_dim`.
    """

    def __init__(self, config: ModelConfig, sizes: Sizes, word_dim: int | None = None):
        super().__init__()
        self.config = config
        word_dim = word_dim or config.word_dim
        width = 2 * config.lstm_dim
        self.char = CharacterEmbedding(sizes.num_chars, config.char_dim, config.char_lstm_dim)
        self.word = nn.Embedding(sizes.num_words, word_dim)
        self.word.weight.requires_grad_(not sizes.frozen_words)
        inputs = 2 * config.char_lstm_dim + word_dim
        if sizes.feature_layers:
            self.mix = ScalarMix(sizes.feature_layers)
            inputs += config.feature_dim or sizes.feature_width
            if config.feature_dim:
                self.feature = nn.Linear(sizes.feature_width, config.feature_dim)
        self.input_dropout = nn.Dropout(config.input_dropout)
        widths = [inputs] + [width] * (config.num_bsa - 1)
        self.bsa = nn.ModuleList(BSA(each, config) for each in widths)
        self.tagging = TaggingPotentials(width, sizes.num_tags, config.crf)
        if config.label_attention:
            self.label = nn.Embedding(sizes.num_tags, config.label_dim)
            self.bla = nn.ModuleList(BLA(config) for _ in range(2))
            self.fusion = Encoder(2 * width, config)
            self.fusion_dropout = nn.Dropout(config.lstm_dropout)
        self.relation = RelationScorer(sizes.num_relations, config)
        if config.between_dim:
            self.between = RunningSums(config)

    def encode_inputs(self, batch: TorchBatch) -> Float[Tensor, "b n e"]:
        """Returns the token inputs before dropout, to which the perturbation is added; zero at padding.

        Args:
          batch: the sentences.
        """
        parts = [self.char(batch.char_ids, batch.char_lengths)[batch.char_rows], self.word(batch.word_ids)]
        if batch.features.shape[1]:
            mixed = self.mix(batch.features)
            parts.append(self.feature(mixed) if self.config.feature_dim else mixed)
        return torch.cat(parts, -1) * batch.mask[:, :, None]

    def encode_tokens(self, inputs: Float[Tensor, "b n e"], batch: TorchBatch) -> Float[Tensor, "b n d"]:
        """Computes the token states `X^m`, Eq. (4).

        Args:
          inputs: the token inputs.
          batch: the sentences.
        """
        x = self.input_dropout(inputs)
        for unit in self.bsa:
            x = unit(x, batch.lengths, batch.mask)
        return x

    def relate(
        self, x: Float[Tensor, "b n d"], tags: Int[Tensor, "b n"], batch: TorchBatch
    ) -> Float[Tensor, "b n m r"]:
        """Computes the relation logits under the given tags, Eqs. (5)-(7) and (9).

        Args:
          x: the token states `X^m`.
          tags: the tag id of each token.
          batch: the sentences.
        """
        if self.config.label_attention:
            labels = self.label(tags) * batch.mask[:, :, None]
            first = self.bla[0](x, labels, batch.lengths, batch.mask)
            fused = self.fusion(torch.cat([x, first], -1), batch.lengths, batch.mask)
            x = self.bla[1](self.fusion_dropout(fused), labels, batch.lengths, batch.mask)
        return self.relation(x, self.between(x, batch.mask) if self.config.between_dim else None)

    def forward(self, inputs: Float[Tensor, "b n e"], batch: TorchBatch) -> Potentials:
        """Computes the potentials from the token inputs, with the gold tags as labels.

        Args:
          inputs: the token inputs.
          batch: the sentences with their gold tags.
        """
        x = self.encode_tokens(inputs, batch)
        return Potentials(self.tagging(x, batch.mask), self.relate(x, batch.tags, batch))
