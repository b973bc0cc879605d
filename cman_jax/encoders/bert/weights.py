"""The arrays of a checkpoint of BERT's family: their names, their shapes and their places in the network."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from cman_jax.encoders.bert.config import BertConfig
from cman_jax.encoders.bert.families import FAMILIES
from cman_jax.types import Params

Tree = dict[str, Any]
"""The type of nested dictionaries whose leaves are `_Array`; a list stands for layers."""


class _Array(NamedTuple):
    """An array of a checkpoint.

    Attributes:
      name: its name in the checkpoint.
      shape: its shape in the checkpoint, where matrices have the shape [output, input].
      convert: returns the network's parameter.
    """

    name: str
    shape: tuple[int, ...]
    convert: Callable[[np.ndarray], np.ndarray] = lambda array: array


def weight_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every checkpoint array that the encoder uses, by its name.

    Args:
      config: the settings of the network.
    """
    return {array.name: array.shape for array in _leaves(_places(config))}


def params_from_checkpoint(weights: Mapping[str, Float[np.ndarray, "..."]], config: BertConfig) -> Params:
    """Returns the parameters of the network, in which the arrays of all layers are stacked.

    Args:
      weights: the arrays under the checkpoint's names, without the family's prefix.
      config: the settings of the network.
    """

    def take(tree: Any) -> Any:
        if isinstance(tree, _Array):
            return tree.convert(weights[tree.name])
        if isinstance(tree, list):
            return _stacked([take(each) for each in tree])
        return {name: take(each) for name, each in tree.items()}

    return take(_places(config))


def _stacked(trees: list[Any]) -> Any:
    """Returns nested dictionaries of equal structure as one, whose arrays are stacked."""
    if isinstance(trees[0], dict):
        return {name: _stacked([tree[name] for tree in trees]) for name in trees[0]}
    return np.stack(trees)


def _leaves(tree: Any) -> Iterator[_Array]:
    """Yields every array of nested dictionaries and lists."""
    if isinstance(tree, _Array):
        yield tree
    else:
        for each in tree if isinstance(tree, list) else tree.values():
            yield from _leaves(each)


def _places(config: BertConfig) -> Tree:
    """Returns the network's parameters, each with the array of the checkpoint that it comes from."""
    width, embedding = config.width, config.embedding_width or config.width
    family = FAMILIES[config.family]
    tree: Tree = {
        "words": _Array("embeddings.word_embeddings.weight", (config.vocab_size, embedding)),
        "norm": _norm("embeddings.LayerNorm", embedding),
        "layers": [_layer(config, family.layer.format(i), family.parts) for i in range(config.num_layers)],
    }
    if config.relative_span:
        shape = (2 * config.relative_span, width)
        tree["relative_positions"] = _Array("encoder.rel_embeddings.weight", shape)
        tree["relative_norm"] = _norm("encoder.LayerNorm", width)
    else:
        shape = (config.num_positions, embedding)
        tree["positions"] = _Array("embeddings.position_embeddings.weight", shape)
    if config.num_segments:
        # All pieces of an input belong to the first segment.
        shape = (config.num_segments, embedding)
        tree["segment"] = _Array("embeddings.token_type_embeddings.weight", shape, lambda table: table[0])
    if embedding != width:
        tree["project"] = _dense("embeddings_project", embedding, width)
    if config.num_buckets:
        name = "encoder.relative_attention_bias.weight"
        tree["relative_positions"] = _Array(name, (config.num_buckets, config.num_heads))
    return tree


def _layer(config: BertConfig, layer: str, parts: Mapping[str, str]) -> Tree:
    """Returns the parameters of one layer, with their arrays."""
    width, inner = config.width, config.inner_width
    names = {part: f"{layer}.{name}" for part, name in parts.items()}
    return {
        "attention": {
            part: _dense(names[part], width, width) for part in ("query", "key", "value", "output")
        },
        "attention_norm": _norm(names["attention_norm"], width),
        "inner": _dense(names["inner"], width, inner),
        "outer": _dense(names["outer"], inner, width),
        "norm": _norm(names["norm"], width),
    }


def _dense(name: str, inputs: int, outputs: int) -> Tree:
    """Returns the parameters of a linear layer, with their arrays."""
    kernel = _Array(f"{name}.weight", (outputs, inputs), lambda array: array.T)
    return {"kernel": kernel, "bias": _Array(f"{name}.bias", (outputs,))}


def _norm(name: str, width: int) -> Tree:
    """Returns the parameters of a layer norm, with their arrays."""
    return {"scale": _Array(f"{name}.weight", (width,)), "bias": _Array(f"{name}.bias", (width,))}
