"""The two attention units of §3.2 and the sequence layer that both are built on."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.config import SequenceLayerKind
from cman_jax.layers.attention import MultiHeadAttention
from cman_jax.layers.dense import Dense
from cman_jax.layers.dropout import Dropout
from cman_jax.layers.lstm import BiLSTM


class SequenceLayer(nn.Module):
    """A BiLSTM, or in its place a per-token `tanh(Dense(2d))` ("replace BiLSTM with MLP", Table 4).

    Attributes:
      dim: d; the output is 2d wide.
      kind: which of the two.
    """

    dim: int
    kind: SequenceLayerKind

    @nn.compact
    def __call__(self, x: Float[Array, "b n e"], mask: Bool[Array, "b n"]) -> Float[Array, "b n d"]:
        if self.kind == "bilstm":
            return BiLSTM(self.dim, name="bilstm")(x, mask)
        return jnp.tanh(Dense(2 * self.dim, name="mlp")(x)) * mask[:, :, None]


class BSA(nn.Module):
    """BiLSTM-enhanced self-attention: `H = BiLSTM(X)`, `BSA(X) = LayerNorm(H + MHA(H, H, H))`.

    Without attention (`attention=False`, Table 4) the unit is its BiLSTM alone.
    """

    dim: int
    num_heads: int
    sequence_layer: SequenceLayerKind
    dropout: float
    attention: bool

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n e"], mask: Bool[Array, "b n"], *, train: bool
    ) -> Float[Array, "b n d"]:
        states = SequenceLayer(self.dim, self.sequence_layer, name="encoder")(x, mask)
        states = Dropout(self.dropout)(states, train=train)
        if not self.attention:
            return states
        attended = MultiHeadAttention(self.num_heads, name="attention")(states, states, mask)
        return nn.LayerNorm(epsilon=1e-5, name="norm")(states + attended)


class BLA(nn.Module):
    """BiLSTM-enhanced label-attention: `L~ = BiLSTM(L)`, `BLA(X, L) = LayerNorm(X + MHA(X, L~, L~))`.

    Two methods, because `L~` does not depend on the perturbed tokens: the adversarial step encodes the labels
    once and attends twice.
    """

    dim: int
    num_heads: int
    sequence_layer: SequenceLayerKind
    dropout: float

    def setup(self) -> None:
        self.label_encoder = SequenceLayer(self.dim, self.sequence_layer)
        self.label_dropout = Dropout(self.dropout)
        self.attention = MultiHeadAttention(self.num_heads)
        self.norm = nn.LayerNorm(epsilon=1e-5)

    def encode_labels(self, labels: Float[Array, "b n e"], mask: Bool[Array, "b n"]) -> Float[Array, "b n d"]:
        """`L~`, before its dropout."""
        return self.label_encoder(labels, mask)

    def __call__(
        self,
        x: Float[Array, "b n d"],
        memory: Float[Array, "b n d"],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n d"]:
        """Args: memory: what `encode_labels` gave."""
        memory = self.label_dropout(memory, train=train)
        return self.norm(x + self.attention(x, memory, mask))
