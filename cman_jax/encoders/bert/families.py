"""The families of BERT's network: how each names its settings and arrays, and what differs in the network.

A family is one row of `FAMILIES`, under the `model_type` of its `config.json`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Family(NamedTuple):
    """One family of checkpoints.

    Attributes:
      settings: the attribute of `config.json` for each field of `BertConfig` that the file states.
      defaults: values of fields that the file may omit or never states.
      ignored: attributes that change no hidden state, beside those that every family ignores.
      prefix: what stands before each array's name in checkpoints of a network with an output layer.
      layer: the name of a layer; its number stands in place of the braces.
      parts: the checkpoint's name for each part of a layer of the network.
      specials: the pieces before and after every input, if `tokenizer.json` does not say which.
      counts_from_padding: whether positions begin at `pad_token_id` + 1, not at `first_position`.
      required: attributes that must be stated, with the values that the network can honour.
    """

    settings: Mapping[str, str]
    defaults: Mapping[str, Any]
    ignored: frozenset[str]
    prefix: str
    layer: str = "encoder.layer.{}"
    parts: Mapping[str, str] = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "inner": "intermediate.dense",
        "outer": "output.dense",
        "norm": "output.LayerNorm",
    }
    specials: tuple[str, str] = ("[CLS]", "[SEP]")
    counts_from_padding: bool = False
    required: Mapping[str, tuple[Any, ...]] = {}


_BERT = Family(
    settings={
        "vocab_size": "vocab_size",
        "num_positions": "max_position_embeddings",
        "width": "hidden_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "inner_width": "intermediate_size",
        "activation": "hidden_act",
        "epsilon": "layer_norm_eps",
        "num_segments": "type_vocab_size",
    },
    defaults={"epsilon": 1e-12, "num_segments": 2},
    ignored=frozenset(
        [
            "pad_token_id",
            "directionality",
            "pooler_fc_size",
            "pooler_num_attention_heads",
            "pooler_num_fc_layers",
            "pooler_size_per_head",
            "pooler_type",
        ]
    ),
    prefix="bert.",
)
_ROBERTA = _BERT._replace(
    ignored=frozenset(), prefix="roberta.", specials=("<s>", "</s>"), counts_from_padding=True
)
_WITHOUT_SEGMENTS = {field: name for field, name in _BERT.settings.items() if field != "num_segments"}

FAMILIES: Mapping[str, Family] = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": _BERT._replace(
        settings={**_BERT.settings, "embedding_width": "embedding_size"},
        ignored=frozenset(
            [
                "pad_token_id",
                "summary_activation",
                "summary_first_dropout",
                "summary_last_dropout",
                "summary_type",
                "summary_use_proj",
                "generator_hidden_size",
            ]
        ),
        prefix="electra.",
    ),
    "distilbert": Family(
        settings={
            "vocab_size": "vocab_size",
            "num_positions": "max_position_embeddings",
            "width": "dim",
            "num_layers": "n_layers",
            "num_heads": "n_heads",
            "inner_width": "hidden_dim",
            "activation": "activation",
        },
        defaults={"epsilon": 1e-12, "num_segments": 0},
        # Sinusoidal positions are stored like trained ones.
        ignored=frozenset(
            [
                "pad_token_id",
                "attention_dropout",
                "dropout",
                "qa_dropout",
                "seq_classif_dropout",
                "sinusoidal_pos_embds",
                "tie_weights_",
            ]
        ),
        prefix="distilbert.",
        layer="transformer.layer.{}",
        parts={
            "query": "attention.q_lin",
            "key": "attention.k_lin",
            "value": "attention.v_lin",
            "output": "attention.out_lin",
            "attention_norm": "sa_layer_norm",
            "inner": "ffn.lin1",
            "outer": "ffn.lin2",
            "norm": "output_layer_norm",
        },
    ),
    "deberta-v2": Family(
        settings={**_WITHOUT_SEGMENTS, "relative_span": "position_buckets"},
        defaults={"epsilon": 1e-7, "num_segments": 0},
        ignored=frozenset(
            [
                "legacy",
                "pad_token_id",
                "pooler_dropout",
                "pooler_hidden_act",
                "pooler_hidden_size",
            ]
        ),
        prefix="deberta.",
        parts={
            **_BERT.parts,
            "query": "attention.self.query_proj",
            "key": "attention.self.key_proj",
            "value": "attention.self.value_proj",
        },
        # All versions 3 are so; version 2 has a convolution too, which is refused as unknown.
        required={
            "relative_attention": (True,),
            "position_biased_input": (False,),
            "share_att_key": (True,),
            "norm_rel_ebd": ("layer_norm",),
            "pos_att_type": ("p2c|c2p", "c2p|p2c", ["p2c", "c2p"], ["c2p", "p2c"]),
            "max_relative_positions": (-1,),
            "type_vocab_size": (0,),
        },
    ),
    "mpnet": Family(
        settings={**_WITHOUT_SEGMENTS, "num_buckets": "relative_attention_num_buckets"},
        # Positions count from 2 whatever pad_token_id says.
        defaults={"epsilon": 1e-12, "num_segments": 0, "first_position": 2, "num_buckets": 32},
        ignored=frozenset(["pad_token_id"]),
        prefix="mpnet.",
        parts={
            "query": "attention.attn.q",
            "key": "attention.attn.k",
            "value": "attention.attn.v",
            "output": "attention.attn.o",
            "attention_norm": "attention.LayerNorm",
            "inner": "intermediate.dense",
            "outer": "output.dense",
            "norm": "output.LayerNorm",
        },
        specials=("<s>", "</s>"),
    ),
}
"""Every family, by the `model_type` of its `config.json`."""
