"""The arrays of a BERT checkpoint: their names, their shapes and their places in the network's parameters."""

from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import Float

from cman_jax.encoders.bert.config import BertConfig
from cman_jax.types import Params


def weight_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every checkpoint array that the encoder uses, by its name.

    Matrices have the shape [output, input].

    Args:
      config: the settings of the network.
    """
    width, inner = config.width, config.inner_width
    shapes = {
        "embeddings.word_embeddings.weight": (config.vocab_size, width),
        "embeddings.position_embeddings.weight": (config.num_positions, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in (f"encoder.layer.{i}" for i in range(config.num_layers)):
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        square = [f"{layer}.attention.{name}" for name in ("self.query", "self.key", "self.value")]
        matrices = dict.fromkeys([*square, f"{layer}.attention.output.dense"], (width, width))
        matrices |= {f"{layer}.intermediate.dense": (inner, width), f"{layer}.output.dense": (width, inner)}
        for name, shape in matrices.items():
            shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes | {f"{norm}.{part}": (width,) for norm in norms for part in ("weight", "bias")}


def params_from_checkpoint(weights: Mapping[str, Float[np.ndarray, "..."]], num_layers: int) -> Params:
    """Returns the parameters of `MiniLM`.

    Args:
      weights: the arrays under the names of BERT's published checkpoints.
      num_layers: number of Transformer layers.
    """

    def dense(name: str) -> Params:
        return {"kernel": weights[f"{name}.weight"].T, "bias": weights[f"{name}.bias"]}

    def norm(name: str) -> Params:
        return {"scale": weights[f"{name}.weight"], "bias": weights[f"{name}.bias"]}

    def layer(index: int) -> Params:
        prefix = f"encoder.layer.{index}"
        attention = {name: dense(f"{prefix}.attention.self.{name}") for name in ("query", "key", "value")}
        return {
            "attention": attention | {"output": dense(f"{prefix}.attention.output.dense")},
            "attention_norm": norm(f"{prefix}.attention.output.LayerNorm"),
            "inner": dense(f"{prefix}.intermediate.dense"),
            "outer": dense(f"{prefix}.output.dense"),
            "norm": norm(f"{prefix}.output.LayerNorm"),
        }

    return {
        "words": weights["embeddings.word_embeddings.weight"],
        "positions": weights["embeddings.position_embeddings.weight"],
        "segment": weights["embeddings.token_type_embeddings.weight"][0],
        "norm": norm("embeddings.LayerNorm"),
        "layers": jax.tree.map(lambda *arrays: np.stack(arrays), *map(layer, range(num_layers))),
    }
