"""The settings of a BERT encoder's network, read from its `config.json`.

The numbers that fix the network's shape are read. `model_type`, `hidden_act` and `position_embedding_type`
must have the values of BERT, because other values mean another network. All other settings are ignored.
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import parse_json, show, skip_bom


class BertConfig(NamedTuple):
    """The settings that fix the shape and the layer norms of a BERT network."""

    vocab_size: int
    num_positions: int  # length of the longest input, including [CLS] and [SEP]
    width: int
    num_layers: int
    num_heads: int  # divides the width
    inner_width: int  # width of the feed-forward layers
    epsilon: float  # added to the variance in the layer norms


def parse_config(path: Path, content: bytes) -> BertConfig:
    """Returns the settings in a `config.json`.

    Args:
      path: the file, for error messages.
      content: the file's bytes.

    Raises:
      InputError: the content is not a JSON object, or a setting is missing or not supported.
    """
    fail = partial(InputError, path, None)
    try:
        options = parse_json(skip_bom(content).decode(), fail)
    except UnicodeDecodeError as error:
        raise fail(f"bytes that are not valid UTF-8 ({error})", "a JSON object") from None
    if not isinstance(options, dict):
        raise fail(show(options), "a JSON object")
    fixed = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    for name, expected in fixed.items():
        # Newer files omit position_embedding_type.
        if options.get(name, "absolute") != expected:
            raise fail(f"{name} = {show(options.get(name))}", f"{expected!r}")

    def number(name: str, kind: type) -> Any:
        value = options.get(name)
        if type(value) is not kind or not 0 < value < float("inf"):
            raise fail(f"{name} = {show(value)}", f"a positive {kind.__name__}")
        return value

    names = ("vocab_size", "max_position_embeddings", "hidden_size", "num_hidden_layers")
    names += ("num_attention_heads", "intermediate_size")
    config = BertConfig(*(number(name, int) for name in names), number("layer_norm_eps", float))
    if config.width % config.num_heads:
        raise fail(f"num_attention_heads = {config.num_heads}", f"a divisor of hidden_size ({config.width})")
    if config.num_positions < 4:
        found = f"max_position_embeddings = {config.num_positions}"
        raise fail(found, "at least 4: [CLS], [SEP] and two word pieces")
    return config
