"""The parts of the network, named as their counterparts in `cman_jax.model`."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from cman_jax.config import ModelConfig
from experiments.torch_reference.batch import Lengths


class BiLSTM(nn.Module):
    """Eq. (1), over packed sequences. cuDNN's second bias is kept at zero: it would only double the first."""

    def __init__(self, width: int, dim: int):
        super().__init__()
        self.lstm = nn.LSTM(width, dim, batch_first=True, bidirectional=True)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(parameter).requires_grad_(False)

    def forward(self, x: Float[Tensor, "b n e"], lengths: Lengths) -> Float[Tensor, "b n d"]:
        """States of both directions side by side; zero at padding."""
        states, _ = self.lstm(self._packed(x, lengths))
        return pad_packed_sequence(states, batch_first=True, total_length=x.shape[1])[0][lengths.inverse]

    def final(self, x: Float[Tensor, "b n e"], lengths: Lengths) -> Float[Tensor, "b d"]:
        """Last state of each direction."""
        _, (last, _) = self.lstm(self._packed(x, lengths))
        return torch.cat([last[0], last[1]], -1)[lengths.inverse]

    def _packed(self, x: Float[Tensor, "b n e"], lengths: Lengths) -> PackedSequence:
        return pack_padded_sequence(x[lengths.order], lengths.sorted, batch_first=True)


class ScalarMix(nn.Module):
    """A frozen encoder's layers, weighed."""

    def __init__(self, num_layers: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_layers))
        self.gamma = nn.Parameter(torch.ones(()))

    def forward(self, layers: Float[Tensor, "b l n d"]) -> Float[Tensor, "b n d"]:
        """In float32, whatever the layers are in."""
        shares = self.gamma * self.weights.softmax(0)
        return (layers.float() * shares[:, None, None]).sum(1)


class CharacterEmbedding(nn.Module):
    """Character vectors of words, §3.1."""

    def __init__(self, num_chars: int, char_dim: int, lstm_dim: int):
        super().__init__()
        self.chars = nn.Embedding(num_chars, char_dim)
        self.bilstm = BiLSTM(char_dim, lstm_dim)

    def forward(self, ids: Int[Tensor, "w c"], lengths: Lengths) -> Float[Tensor, "w d"]:
        return self.bilstm.final(self.chars(ids), lengths)


class MultiHeadAttention(nn.Module):
    """Eqs. (2) and (3)."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key, self.value, self.output = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(
        self, queries: Float[Tensor, "b n d"], memory: Float[Tensor, "b m d"], mask: Bool[Tensor, "b m"]
    ) -> Float[Tensor, "b n d"]:
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
    """A BiLSTM, or `tanh(Linear)` per token in its place (Table 4)."""

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
        if self.kind == "bilstm":
            return self.bilstm(x, lengths)
        return torch.tanh(self.mlp(x)) * mask[:, :, None]


class BSA(nn.Module):
    """BiLSTM-enhanced self-attention, §3.2."""

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
        states = self.dropout(self.encoder(x, lengths, mask))
        return self.norm(states + self.attention(states, states, mask)) if self.attended else states


class BLA(nn.Module):
    """BiLSTM-enhanced label-attention, §3.2."""

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
        memory = self.dropout(self.label_encoder(labels, lengths, mask))
        return self.norm(x + self.attention(x, memory, mask))


class RelationScorer(nn.Module):
    """Eq. (9): own U, W, b per relation, or one for all."""

    def __init__(self, num_relations: int, config: ModelConfig):
        super().__init__()
        groups = num_relations if config.relation_scorer == "per_relation" else 1
        width, hidden = 2 * config.lstm_dim, config.scorer_dim
        self.subject = nn.Linear(width, groups * hidden, bias=False)
        self.object = nn.Linear(width, groups * hidden, bias=False)
        self.bias = nn.Parameter(torch.zeros(groups, hidden))
        self.output = nn.Parameter(torch.randn(hidden, num_relations) * hidden**-0.5)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n m r"]:
        subject = self.subject(x).unflatten(-1, self.bias.shape) + self.bias
        object_ = self.object(x).unflatten(-1, self.bias.shape)
        hidden = torch.tanh(subject[:, :, None] + object_[:, None])
        if len(self.bias) == 1:
            return hidden.squeeze(3) @ self.output
        return torch.einsum("bnmrf,fr->bnmr", hidden, self.output)
