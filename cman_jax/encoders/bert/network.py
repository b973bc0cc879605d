"""The network of BERT (Devlin et al., 2019) and of the families built like it.

RoBERTa differs in the first position, DistilBERT and MPNet have no segments, ELECTRA's tables can be narrower
than its layers, and MPNet adds a bias to the attention that depends on the distance of two pieces. The
attention of DeBERTa is in `encoders.bert.deberta`.
"""

import math
from functools import partial

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Bool, Float, Int

from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.deberta import DisentangledAttention
from cman_jax.layers.attention import attend
from cman_jax.layers.dense import Dense
from cman_jax.layers.dropout import Dropout

_FARTHEST = 128
"""The distance from which on all pieces on one side share a bucket."""


class Bert(nn.Module):
    """A network of BERT's family, which computes the hidden states of all layers from word pieces.

    The layers run as one layer that is scanned over stacked parameters.

    Attributes:
      config: the settings.
    """

    config: BertConfig

    @nn.compact
    def __call__(self, ids: Int[Array, "b n"], mask: Bool[Array, "b n"]) -> Float[Array, "l b n d"]:
        """Returns the hidden states of all layers.

        Entry [0] is the layer-normed sum of the embeddings, and entry [i] is the output of layer i. All
        entries are zero where mask is False.

        Args:
          ids: word pieces, including the special ones; all of them belong to one segment.
          mask: True at real pieces, which stand before all padding.
        """
        config = self.config
        states = self._embed(ids)[None]
        if config.num_layers:
            layers = nn.scan(
                Layer,
                variable_axes={"params": 0},
                split_rngs={"params": True},
                in_axes=nn.broadcast,
                length=config.num_layers,
            )
            distances = Distances(config, name="distances")(ids.shape[1])
            _, outputs = layers(config, name="layers")(states[0], mask, distances)
            states = jnp.concatenate([states, outputs])
        return jnp.where(mask[None, :, :, None], states, 0)

    def _embed(self, ids: Int[Array, "b n"]) -> Float[Array, "b n d"]:
        """Returns the input of the first layer."""
        config = self.config
        width = config.embedding_width or config.width
        init = nn.initializers.normal(0.02)
        words = self.param("words", init, (config.vocab_size, width))
        embedded = words[ids]
        if config.num_segments:
            embedded = embedded + self.param("segment", init, (width,))[None, None]
        if not config.relative_span:
            first = config.first_position
            positions = self.param("positions", init, (config.num_positions, width))
            embedded = embedded + positions[None, first : first + ids.shape[1]]
        embedded = nn.LayerNorm(config.epsilon, use_fast_variance=False, name="norm")(embedded)
        return Dense(config.width, name="project")(embedded) if width != config.width else embedded


class Distances(nn.Module):
    """The parameters for the distances of pieces, which the attention of all layers shares.

    Attributes:
      config: the settings.
    """

    config: BertConfig

    @nn.compact
    def __call__(self, length: int) -> Float[Array, "_ ..."] | None:
        """Returns what the attention of every layer computes with; None: the family computes with nothing.

        Args:
          length: number of pieces of each input.
        """
        config, init = self.config, nn.initializers.normal(0.02)
        if config.relative_span:
            shape = (2 * config.relative_span, config.width)
            table = self.param("table", init, shape)
            return nn.LayerNorm(config.epsilon, use_fast_variance=False, name="norm")(table)
        if config.num_buckets:
            table = self.param("table", init, (config.num_buckets, config.num_heads))
            return table[buckets(length, config.num_buckets)].transpose(2, 0, 1)[None]
        return None


class Layer(nn.Module):
    """A Transformer layer with a layer norm after each of its two parts.

    `Y = LayerNorm(X + A(X))`, and the output is `LayerNorm(Y + W_2 f(W_1 Y + b_1) + b_2)`. A is
    `SelfAttention` or `DisentangledAttention`, and f is the activation. In training, dropout acts on `A(X)`
    and on `W_2 f(W_1 Y + b_1) + b_2`.

    Attributes:
      config: the settings.
      dropout: dropout rate; 0 unless the layer is trained.
    """

    config: BertConfig
    dropout: float = 0.0

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b n d"],
        mask: Bool[Array, "b n"],
        distances: Float[Array, "_ ..."] | None,
    ) -> tuple[Float[Array, "b n d"], Float[Array, "b n d"]]:
        """Returns the output twice: once for the next layer, once for the scan to collect.

        Args:
          x: the output of the layer before.
          mask: True at real pieces.
          distances: the last argument of the attention.
        """
        config = self.config
        if config.relative_span:
            attention = DisentangledAttention(config.num_heads, config.num_positions, name="attention")
        else:
            attention = SelfAttention(config.num_heads, name="attention")
        drop = partial(Dropout(self.dropout), train=self.dropout > 0)
        attended = drop(attention(x, mask, distances))
        x = nn.LayerNorm(config.epsilon, use_fast_variance=False, name="attention_norm")(x + attended)
        inner = activate(config.activation, Dense(config.inner_width, name="inner")(x))
        outer = drop(Dense(config.width, name="outer")(inner))
        x = nn.LayerNorm(config.epsilon, use_fast_variance=False, name="norm")(x + outer)
        return x, x


class SelfAttention(nn.Module):
    """The self-attention `softmax(Q K^T / sqrt(k) + bias) V` per head, with biases in all four maps.

    Attributes:
      num_heads: number of heads; divides the width.
    """

    num_heads: int

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "b n d"],
        mask: Bool[Array, "b n"],
        bias: Float[Array, "1 h n n"] | None,
    ) -> Float[Array, "b n d"]:
        """Returns the attended vectors.

        Args:
          x: the vectors that queries, keys and values are computed from.
          mask: True at real pieces; padding is not attended to.
          bias: logits to add, as in `attend`.
        """
        width = x.shape[-1]

        def heads(name: str) -> Float[Array, "b n h k"]:
            return Dense(width, name=name)(x).reshape(*x.shape[:-1], self.num_heads, -1)

        attended = attend(heads("query"), heads("key"), heads("value"), mask, bias)
        return Dense(width, name="output")(attended.reshape(x.shape))


def activate(name: str, x: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Returns the values of an activation.

    Args:
      name: one of `encoders.bert.config.ACTIVATIONS`; `gelu_new` approximates `gelu` with tanh.
      x: the arguments.
    """
    return nn.relu(x) if name == "relu" else nn.gelu(x, approximate=name == "gelu_new")


def buckets(length: int, num_buckets: int) -> Int[np.ndarray, "n n"]:
    """Returns MPNet's bucket for the distance from each piece to each other piece.

    Half of the buckets are for pieces before, the other half for pieces behind. Near distances have a bucket
    each; farther ones share buckets whose widths grow with the logarithm of the distance.

    Args:
      length: number of pieces.
      num_buckets: number of buckets, a multiple of 4.
    """
    half, near = num_buckets // 2, num_buckets // 4
    place = np.arange(length)
    offset = place[None, :] - place[:, None]  # from piece [n, .] to piece [., m]
    distance = np.abs(offset)
    # In float32, like the original: the edges of the buckets depend on its rounding.
    logs = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(near))
    steps = logs / np.float32(math.log(_FARTHEST / near)) * np.float32(half - near)
    far = np.minimum(near + steps.astype(np.int64), half - 1)
    return np.where(offset > 0, half, 0) + np.where(distance < near, distance, far)
