"""CMAN, the whole network (§3)."""

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
    ScalarMix,
)


class Potentials(NamedTuple):
    """As `cman_jax.types.Potentials`."""

    tagging: CRFPotentials
    relation_logits: Float[Tensor, "b n m r"]


class TorchCMAN(nn.Module):
    """Cross-Modal Attention Network.

    Args:
      config: the network's.
      sizes: what the data fix.
      word_dim: width of the frozen word vectors; where they are trained it is the config's.
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

    def encode_inputs(self, batch: TorchBatch) -> Float[Tensor, "b n e"]:
        """Token input before dropout: what the perturbation is added to."""
        parts = [self.char(batch.char_ids, batch.char_lengths)[batch.char_rows], self.word(batch.word_ids)]
        if batch.features.shape[1]:
            mixed = self.mix(batch.features)
            parts.append(self.feature(mixed) if self.config.feature_dim else mixed)
        return torch.cat(parts, -1) * batch.mask[:, :, None]

    def encode_tokens(self, inputs: Float[Tensor, "b n e"], batch: TorchBatch) -> Float[Tensor, "b n d"]:
        """`X^m`, Eq. (4)."""
        x = self.input_dropout(inputs)
        for unit in self.bsa:
            x = unit(x, batch.lengths, batch.mask)
        return x

    def relate(
        self, x: Float[Tensor, "b n d"], tags: Int[Tensor, "b n"], batch: TorchBatch
    ) -> Float[Tensor, "b n m r"]:
        """Relation logits given tags, Eqs. (5)-(7) and (9)."""
        if self.config.label_attention:
            labels = self.label(tags) * batch.mask[:, :, None]
            first = self.bla[0](x, labels, batch.lengths, batch.mask)
            fused = self.fusion(torch.cat([x, first], -1), batch.lengths, batch.mask)
            x = self.bla[1](self.fusion_dropout(fused), labels, batch.lengths, batch.mask)
        return self.relation(x)

    def forward(self, inputs: Float[Tensor, "b n e"], batch: TorchBatch) -> Potentials:
        """Everything after the token input, with gold tags as labels."""
        x = self.encode_tokens(inputs, batch)
        return Potentials(self.tagging(x, batch.mask), self.relate(x, batch.tags, batch))
