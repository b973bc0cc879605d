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


def weight_shapes(config: BertConfig, num_layers: int | None = None) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every checkpoint array that the encoder uses, by its name.

    Args:
      config: the settings of the network.
      num_layers: number of layers that count, from the lowest on; None: all layers.
    """
    lower = config if num_layers is None else config._replace(num_layers=num_layers)
    shapes = {array.name: array.shape for array in _leaves(_places(lower))}
    return {**shapes, **distance_shapes(config)}


def distance_shapes(config: BertConfig) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every checkpoint array for the distances of pieces, by its name."""
    return {array.name: array.shape for array in _leaves(_distances(config))}


def params_from_checkpoint(weights: Mapping[str, Float[np.ndarray, "..."]], config: BertConfig) -> Params:
    """Returns the parameters of the network, in which the arrays of all layers are stacked.

    Args:
      weights: the arrays under the checkpoint's names, without the family's prefix.
      config: the settings of the network.
    """
    return _taken(_places(config), weights)


def layer_params(weights: Mapping[str, Float[np.ndarray, "..."]], config: BertConfig, index: int) -> Params:
    """Returns the parameters of one layer; see `params_from_checkpoint` for the other arguments.

    Args:
      index: the layer's number, from 0.
    """
    return _taken(_layer(config, index), weights)


def distance_params(weights: Mapping[str, Float[np.ndarray, "..."]], config: BertConfig) -> Params:
    """Returns the parameters for distances, which all layers share; empty if the family has none.

    The arguments are those of `params_from_checkpoint`.
    """
    return _taken(_distances(config), weights)


def _taken(tree: Any, weights: Mapping[str, Float[np.ndarray, "..."]]) -> Any:
    """Returns nested places with the arrays of a checkpoint; lists are stacked."""
    if isinstance(tree, _Array):
        return tree.convert(weights[tree.name])
    if isinstance(tree, list):
        return _stacked([_taken(each, weights) for each in tree])
    return {name: _taken(each, weights) for name, each in tree.items()}


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
    tree: Tree = {
        "words": _Array("embeddings.word_embeddings.weight", (config.vocab_size, embedding)),
        "norm": _norm("embeddings.LayerNorm", embedding),
    }
    if config.num_layers:
        tree["layers"] = [_layer(config, i) for i in range(config.num_layers)]
        if distances := _distances(config):
            tree["distances"] = distances
    if not config.relative_span:
        shape = (config.num_positions, embedding)
        tree["positions"] = _Array("embeddings.position_embeddings.weight", shape)
    if config.num_segments:
        # All pieces of an input belong to the first segment.
        shape = (config.num_segments, embedding)
        tree["segment"] = _Array("embeddings.token_type_embeddings.weight", shape, lambda table: table[0])
    if embedding != width:
        tree["project"] = _dense("embeddings_project", embedding, width)
    return tree


def _distances(config: BertConfig) -> Tree:
    """Returns the parameters of `Distances`, with their arrays; empty if the family has none."""
    if config.relative_span:
        table = _Array("encoder.rel_embeddings.weight", (2 * config.relative_span, config.width))
        return {"table": table, "norm": _norm("encoder.LayerNorm", config.width)}
    if config.num_buckets:
        shape = (config.num_buckets, config.num_heads)
        return {"table": _Array("encoder.relative_attention_bias.weight", shape)}
    return {}


def _layer(config: BertConfig, index: int) -> Tree:
    """Returns the parameters of one layer, with their arrays."""
    width, inner, family = config.width, config.inner_width, FAMILIES[config.family]
    names = {part: f"{family.layer.format(index)}.{name}" for part, name in family.parts.items()}
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
