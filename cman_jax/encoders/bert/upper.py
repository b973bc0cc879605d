"""The upper layers of an encoder of BERT's family, which are trained as a part of the network."""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Bool, Float

from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.network import Distances, Layer
from cman_jax.encoders.bert.weights import Tree, distance_params, layer_params
from cman_jax.types import Params


class Upper(NamedTuple):
    """Which layers of an encoder are trained, and how.

    Attributes:
      config: the settings of the whole encoder.
      num_layers: number of trained layers, counted from the last one.
      dropout: dropout rate inside the trained layers.
      remat: whether the backward pass computes the insides of the layers again instead of keeping them.
    """

    config: BertConfig
    num_layers: int
    dropout: float = 0.0
    remat: bool = False

    @property
    def first(self) -> int:
        """The index of the first trained layer, which is also the number of frozen layers."""
        return self.config.num_layers - self.num_layers


class UpperLayers(nn.Module):
    """The trained layers, which follow the frozen ones. Parameters for distances stay as pretrained.

    The layers are unrolled. A scan over stacked parameters takes almost three times as long on the CPU in
    training, because it copies the gradient of every layer into the stack.

    Attributes:
      upper: which layers they are.
    """

    upper: Upper

    @nn.compact
    def __call__(
        self, states: Float[Array, "r p d"], mask: Bool[Array, "r p"], *, train: bool
    ) -> Float[Array, "r l p d"]:
        """Returns the hidden states of every trained layer.

        Args:
          states: the hidden states of the last frozen layer, or of the embeddings; one row per input.
          mask: True at real pieces, including the special ones; they stand before all padding.
          train: whether dropout is active.
        """
        config, upper = self.upper.config, self.upper
        distances = None
        if self.has_variable("constants", "distances"):
            table = self.get_variable("constants", "distances")
            distances = Distances(config, parent=None).apply({"params": table}, states.shape[1])
        layer = nn.remat(Layer) if upper.remat else Layer
        outputs = []
        for index in range(upper.first, config.num_layers):
            name = layer_name(index)
            _, states = layer(config, upper.dropout if train else 0.0, name=name)(states, mask, distances)
            outputs.append(states)
        return jnp.stack(outputs, axis=1)


def layer_name(index: int) -> str:
    """Returns the name of a layer's parameters; names of up to 100 layers sort like them."""
    return f"layer_{index:02}"


def upper_params(weights: Mapping[str, Float[np.ndarray, "..."]], upper: Upper) -> Params:
    """Returns the pretrained parameters of `UpperLayers`.

    Args:
      weights: the arrays under the checkpoint's names, without the family's prefix.
      upper: which layers are trained.
    """
    layers = range(upper.first, upper.config.num_layers)
    return {layer_name(index): layer_params(weights, upper.config, index) for index in layers}


def upper_constants(weights: Mapping[str, Float[np.ndarray, "..."]], config: BertConfig) -> Tree:
    """Returns the untrained arrays that `UpperLayers` reads; empty if the family has none for distances.

    Args:
      weights: the arrays under the checkpoint's names, without the family's prefix.
      config: the settings of the encoder.
    """
    distances = distance_params(weights, config)
    return {"distances": distances} if distances else {}
