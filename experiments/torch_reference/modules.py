"""The modules of the PyTorch network, named like their counterparts in `cman_jax.model`."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from cman_jax.config import ModelConfig
from experiments.torch_reference.batch import Lengths


class BiLSTM(nn.Module):
    """The bidirectional LSTM of Eq. (1), over packed sequences.

    The second bias of cuDNN's LSTM stays zero, because it would only be added to the first bias.

    Args:
      width: the width of the inputs.
      dim: the width of each direction's states.
    """

    def __init__(self, width: int, dim: int):
        super().__init__()
        self.lstm = nn.LSTM(width, dim, batch_first=True, bidirectional=True)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(parameter).requires_grad_(False)

    def forward(self, x: Float[Tensor, "b n e"], lengths: Lengths) -> Float[Tensor, "b n d"]:
        """Returns the concatenated states of both directions; zero at padding.

        Args:
          x: the inputs; values at padding are ignored.
          lengths: the lengths of the sequences.
        """
        states, _ = self.lstm(self._packed(x, lengths))
        return pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])[0][lengths.inverse]

    def final(self, x: Float[Tensor, "b n e"], lengths: Lengths) -> Float[Tensor, "b d"]:
        """Returns the concatenated last states of both directions.

        Args:
          x: the inputs; values at padding are ignored.
          lengths: the lengths of the sequences.
        """
        _, (last, _) = self.lstm(self._packed(x, lengths))
        return torch.cat([last[0], last[1]], -1)[lengths.inverse]

    def _packed(self, x: Float[Tensor, "b n e"], lengths: Lengths) -> PackedSequence:
        """Packs the sequences in descending order of their lengths."""
        return pack_padded_sequence(x[lengths.order], lengths.sorted, batch_first=True)


class ScalarMix(nn.Module):
    """The weighted sum of a frozen encoder's layers.

    Args:
      num_layers: the number of layers.
    """

    def __init__(self, num_layers: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_layers))
        self.gamma = nn.Parameter(torch.ones(()))

    def forward(self, layers: Float[Tensor, "b l n d"]) -> Float[Tensor, "b n d"]:
        """Computes the weighted sum in float32, whatever the precision of the layers.

        Args:
          layers: the contextual features of each layer.
        """
        shares = self.gamma * self.weights.softmax(0)
        return (layers.float() * shares[:, None, None]).sum(1)


class CharacterEmbedding(nn.Module):
    """The character-level word embedding of §3.1.

    Args:
      num_chars: the number of character ids.
      char_dim: the width of the character embeddings.
      lstm_dim: the width of each direction's states.
    """

    def __init__(self, num_chars: int, char_dim: int, lstm_dim: int):
        super().__init__()
        self.chars = nn.Embedding(num_chars, char_dim)
        self.bilstm = BiLSTM(char_dim, lstm_dim)

    def forward(self, ids: Int[Tensor, "w c"], lengths: Lengths) -> Float[Tensor, "w d"]:
        """Returns one vector per word."""
        return self.bilstm.final(self.chars(ids), lengths)


class MultiHeadAttention(nn.Module):
    """The multi-head attention of Eqs. (2) and (3).

    Args:
      width: the width of queries, memory and output.
      num_heads: the number of attention heads.
    """

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(
        self, queries: Float[Tensor, "b n d"], memory: Float[Tensor, "b m d"], mask: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b n d"]:
        """Attends from every query to the real tokens of the memory.

        Args:
          queries: the vectors that attend.
          memory: the vectors that keys and values are computed from.
          mask: True for real tokens of the memory.
        """

        def heads(x: Float[Tensor, "b n d"]) -> Float[Tensor, "b h n k"]:
            return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

        attended = functional.scaled_dot_product_attention(
            heads(self.query(queries)),
            heads(self.key(memory)),
            heads(self.value(memory)),
            attn_mask=mask[:, None, None, :],
        )
        return self.output(attended.transpose(1, 2).flatten(2))


class Encoder(nn.Module):
    """The sequence layer: a BiLSTM, or in its place `tanh(Linear)` per token (Table 4).

    Args:
      width: the width of the inputs.
      config: the network's config; `sequence_layer` selects the layer.
    """

    def __init__(self, width: int, config: ModelConfig):
        super().__init__()
        self.kind = config.sequence_layer
        if self.kind == "bilstm":
            self.bilstm = BiLSTM(width, config.lstm_dim)
        else:
            self.mlp = nn.Linear(width, 2 * config.lstm_dim)

    def forward(
        self, x: Float[Tensor, "b n e"], lengths: Lengths, mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n d"]:
        """Returns one state per token; zero at padding."""
        if self.kind == "bilstm":
            return self.bilstm(x, lengths)
        return torch.tanh(self.mlp(x)) * mask[:, :, None]


class BSA(nn.Module):
    """The BiLSTM-enhanced self-attention of §3.2.

    Args:
      width: the width of the inputs.
      config: the network's config; without `self_attention` only the sequence layer remains.
    """

    def __init__(self, width: int, config: ModelConfig):
        super().__init__()
        self.encoder = Encoder(width, config)
        self.dropout = nn.Dropout(config.lstm_dropout)
        self.attended = config.self_attention
        if self.attended:
            self.attention = MultiHeadAttention(2 * config.lstm_dim, config.num_heads)
            self.norm = nn.LayerNorm(2 * config.lstm_dim)

    def forward(
        self, x: Float[Tensor, "b n e"], lengths: Lengths, mask: Bool[Tensor, "b n"]
    ) -> Float[Tensor, "b n d"]:
        """Returns one state per token."""
        states = self.dropout(self.encoder(x, lengths, mask))
        return self.norm(states + self.attention(states, states, mask)) if self.attended else states


class BLA(nn.Module):
    """The BiLSTM-enhanced label-attention of §3.2.

    Args:
      config: the network's config.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.label_encoder = Encoder(config.label_dim, config)
        self.dropout = nn.Dropout(config.lstm_dropout)
        self.attention = MultiHeadAttention(2 * config.lstm_dim, config.num_heads)
        self.norm = nn.LayerNorm(2 * config.lstm_dim)

    def forward(
        self,
        x: Float[Tensor, "b n d"],
        labels: Float[Tensor, "b n e"],
        lengths: Lengths,
        mask: Bool[Tensor, "b n"],
    ) -> Float[Tensor, "b n d"]:
        """Attends from every token to the label states of its sentence.

        Args:
          x: the token states.
          labels: the label embeddings; zero at padding.
          lengths: the numbers of tokens.
          mask: True for real tokens.
        """
        memory = self.dropout(self.label_encoder(labels, lengths, mask))
        return self.norm(x + self.attention(x, memory, mask))


class RunningSums(nn.Module):
    """The distance in units of 8 tokens and gated features, summed from the first token on.

    Args:
      config: the network's config; `between_dim` is the number of sums, and at least 2.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.gate = nn.Linear(2 * config.lstm_dim, config.between_dim - 1)
        self.feature = nn.Linear(2 * config.lstm_dim, config.between_dim - 1)

    def forward(self, x: Float[Tensor, "b n d"], mask: Bool[Tensor, "b n"]) -> Float[Tensor, "b n k"]:
        """Returns the sums of all tokens.

        Args:
          x: the token states.
          mask: True for real tokens.
        """
        features = torch.tanh(self.feature(x)) * torch.sigmoid(self.gate(x) - 1)
        distance = torch.full_like(features[:, :, :1], 0.125)
        return (torch.cat([distance, features], -1) * mask[:, :, None]).cumsum(1)


class RelationScorer(nn.Module):
    """The relation scorer of Eq. (9), with separate U, W and b per relation type or shared ones.

    Args:
      num_relations: the number of relation types, with the class 'N' where there is one.
      config: the network's config; `relation_scorer` selects separate or shared parameters.
    """

    def __init__(self, num_relations: int, config: ModelConfig):
        super().__init__()
        groups = num_relations if config.relation_scorer == "per_relation" else 1
        width, hidden = 2 * config.lstm_dim, config.scorer_dim
        self.subject = nn.Linear(width, groups * hidden, bias=False)
        self.object = nn.Linear(width, groups * hidden, bias=False)
        self.bias = nn.Parameter(torch.zeros(groups, hidden))
        self.output = nn.Parameter(torch.randn(hidden, num_relations) * hidden**-0.5)
        if config.between_dim:
            self.between = nn.Linear(config.between_dim, groups * hidden, bias=False)

    def forward(
        self, x: Float[Tensor, "b n d"], sums: Float[Tensor, "b n k"] | None = None
    ) -> Float[Tensor, "b n m r"]:
        """Returns the relation logits of every pair of tokens (subject, object).

        Args:
          x: the token states.
          sums: the running sums of the text, where the config has them.
        """
        subject, object_ = self.subject(x), self.object(x)
        if sums is not None:
            between = self.between(sums)
            subject, object_ = subject - between, object_ + between
        subject = subject.unflatten(-1, self.bias.shape) + self.bias
        object_ = object_.unflatten(-1, self.bias.shape)
        hidden = torch.tanh(subject[:, :, None] + object_[:, None])
        if len(self.bias) == 1:
            return hidden.squeeze(3) @ self.output
        return torch.einsum("bnmrf,fr->bnmr", hidden, self.output)
