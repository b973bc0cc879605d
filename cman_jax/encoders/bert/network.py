"""BERT's network (Devlin et al., 2019) for inference. MiniLM (Wang et al., 2020) is a small BERT."""

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from cman_jax.layers.attention import attend
from cman_jax.layers.dense import Dense


class MiniLM(nn.Module):
    """A BERT network, which computes the hidden states of all layers from word pieces.

    The `num_layers` layers run as one layer that is scanned over stacked parameters.

    Attributes:
      vocab_size, num_positions, width, num_layers, num_heads, inner_width, epsilon: as in
        `encoders.bert.config.BertConfig`.
    """

    vocab_size: int
    num_positions: int
    width: int
    num_layers: int
    num_heads: int
    inner_width: int
    epsilon: float

    @nn.compact
    def __call__(self, ids: Int[Array, "b n"], mask: Bool[Array, "b n"]) -> Float[Array, "l b n d"]:
        """Returns the hidden states of all layers.

        Entry [0] is the layer-normed sum of the embeddings, and entry [i] is the output of layer i. All
        entries are zero where mask is False.

        Args:
          ids: word pieces, including [CLS] and [SEP]; all of them belong to one segment.
          mask: True at real pieces, which stand before all padding.
        """
        init = nn.initializers.normal(0.02)
        words = self.param("words", init, (self.vocab_size, self.width))
        positions = self.param("positions", init, (self.num_positions, self.width))
        segment = self.param("segment", init, (self.width,))
        embedded = words[ids] + segment[None, None] + positions[None, : ids.shape[1]]
        embedded = nn.LayerNorm(self.epsilon, use_fast_variance=False, name="norm")(embedded)
        layers = nn.scan(
            Layer,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=self.num_layers,
        )
        _, states = layers(self.num_heads, self.inner_width, self.epsilon, name="layers")(embedded, mask)
        return jnp.where(mask[None, :, :, None], jnp.concatenate([embedded[None], states]), 0)


class Layer(nn.Module):
    """A Transformer layer with a layer norm after each of its two parts.

    `Y = LayerNorm(X + A(X))`, and the output is `LayerNorm(Y + W_2 gelu(W_1 Y + b_1) + b_2)`. A is
    `SelfAttention`.

    Attributes:
      num_heads, inner_width, epsilon: as in `MiniLM`.
    """

    num_heads: int
    inner_width: int
    epsilon: float

    @nn.compact
    def __call__(
        self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]
    ) -> tuple[Float[Array, "b n d"], Float[Array, "b n d"]]:
        """Returns the output twice: once for the next layer, once for the scan to collect.

        Args:
          x: the output of the layer before.
          mask: True at real pieces.
        """
        attended = SelfAttention(self.num_heads, name="attention")(x, mask)
        x = nn.LayerNorm(self.epsilon, use_fast_variance=False, name="attention_norm")(x + attended)
        inner = nn.gelu(Dense(self.inner_width, name="inner")(x), approximate=False)
        outer = Dense(x.shape[-1], name="outer")(inner)
        x = nn.LayerNorm(self.epsilon, use_fast_variance=False, name="norm")(x + outer)
        return x, x


class SelfAttention(nn.Module):
    """The self-attention `softmax(Q K^T / sqrt(k)) V` per head, with biases in all four maps.

    Attributes:
      num_heads: number of heads; divides the width.
    """

    num_heads: int

    @nn.compact
    def __call__(self, x: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> Float[Array, "b n d"]:
        """Returns the attended vectors.

        Args:
          x: the vectors that queries, keys and values are computed from.
          mask: True at real pieces; padding is not attended to.
        """
        width = x.shape[-1]

        def heads(name: str) -> Float[Array, "b n h k"]:
            return Dense(width, name=name)(x).reshape(*x.shape[:-1], self.num_heads, -1)

        attended = attend(heads("query"), heads("key"), heads("value"), mask)
        return Dense(width, name="output")(attended.reshape(x.shape))
