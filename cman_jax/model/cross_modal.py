"""The two attention units of §3.2, and the sequence layer that is part of both."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.config import SequenceLayerKind
from cman_jax.layers.attention import MultiHeadAttention
from cman_jax.layers.dense import Dense
from cman_jax.layers.dropout import Dropout
from cman_jax.layers.lstm import BiLSTM


class SequenceLayer(nn.Module):
    """A BiLSTM, or instead a layer `tanh(Dense(2d))` per token ("replace BiLSTM with MLP", Table 4).

    Attributes:
      dim: d, half of the output width.
      kind: "bilstm" or "mlp".
    """

    dim: int
    kind: SequenceLayerKind

    @nn.compact
    def __call__(self, x: Float[Array, "b n e"], mask: Bool[Array, "b n"]) -> Float[Array, "b n d"]:
        """Returns the states of the layer, and zeros at padding.

        Args:
          x: the input.
          mask: True at real tokens, which come before all padding.
        """
        if self.kind == "bilstm":
            return BiLSTM(self.dim, name="bilstm")(x, mask)
        return jnp.tanh(Dense(2 * self.dim, name="mlp")(x)) * mask[:, :, None]


class BSA(nn.Module):
    """BiLSTM-enhanced self-attention: `BSA(X) = LayerNorm(H + MHA(H, H, H))` with `H = BiLSTM(X)`.

    Attributes:
      dim: d, half of the output width.
      num_heads: number of attention heads.
      sequence_layer: kind of the layer that computes H, "bilstm" or "mlp".
      dropout: rate of the dropout after the sequence layer.
      attention: whether the unit has attention. Without it (Table 4), the unit is only its BiLSTM with
        dropout.
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
        """Returns `BSA(X)`.

        Args:
          x: X, the tokens.
          mask: True at real tokens, which come before all padding.
          train: whether dropout is active.
        """
        states = SequenceLayer(self.dim, self.sequence_layer, name="encoder")(x, mask)
        states = Dropout(self.dropout)(states, train=train)
        if not self.attention:
            return states
        attended = MultiHeadAttention(self.num_heads, name="attention")(states, states, mask)
        return nn.LayerNorm(epsilon=1e-5, name="norm")(states + attended)


class BLA(nn.Module):
    """BiLSTM-enhanced label-attention: `BLA(X, L) = LayerNorm(X + MHA(X, L~, L~))` with `L~ = BiLSTM(L)`.

    The unit has two methods because `L~` does not depend on the perturbed tokens. The adversarial step
    encodes the labels once and attends twice.

    Attributes:
      dim: d, half of the output width.
      num_heads: number of attention heads.
      sequence_layer: kind of the layer that computes `L~`, "bilstm" or "mlp".
      dropout: rate of the dropout of `L~`.
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
        """Returns `L~` before its dropout.

        Args:
          labels: L, the label embeddings.
          mask: True at real tokens, which come before all padding.
        """
        return self.label_encoder(labels, mask)

    def __call__(
        self,
        x: Float[Array, "b n d"],
        memory: Float[Array, "b n d"],
        mask: Bool[Array, "b n"],
        *,
        train: bool,
    ) -> Float[Array, "b n d"]:
        """Returns `BLA(X, L)`.

        Args:
          x: X, the tokens.
          memory: the result of `encode_labels`.
          mask: True at real tokens, which come before all padding.
          train: whether dropout is active.
        """
        memory = self.label_dropout(memory, train=train)
        return self.norm(x + self.attention(x, memory, mask))
