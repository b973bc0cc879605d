"""What a BERT checkpoint's `config.json` fixes of its network."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import parse_json, show, skip_bom


class BertConfig(NamedTuple):
    """What `config.json` fixes of the network."""

    vocab_size: int
    num_positions: int  # the longest input, [CLS] and [SEP] included
    width: int
    num_layers: int
    num_heads: int  # divides the width
    inner_width: int  # of the feed-forward layers
    epsilon: float  # of the layer norms


def parse_config(path: Path, content: bytes) -> BertConfig:
    fail = partial(InputError, path, None)
    try:
        options = parse_json(skip_bom(content).decode(), fail)
    except UnicodeDecodeError as error:
        raise fail(f"bytes that are not valid UTF-8 ({error})", "a JSON object") from None
    if not isinstance(options, dict):
        raise fail(show(options), "a JSON object")
    fixed = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    for name, expected in fixed.items():
        # Newer files leave out the kind of positions.
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
        raise fail(f"{config.num_heads} heads", f"a divisor of the width {config.width}")
    if config.num_positions < 4:
        raise fail(f"{config.num_positions} positions", "[CLS], [SEP] and two pieces at least")
    return config
