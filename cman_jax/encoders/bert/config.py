"""The settings of a network of BERT's family, read from its `config.json`.

Every attribute of the file is used, ignored by name, or refused. Ignored attributes change no hidden state of
a trained network: dropout, output layers, text generation, and notes about the file.
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.encoders.bert.families import FAMILIES, Family
from cman_jax.errors import InputError
from cman_jax.files import Fail, parse_json, show, skip_bom

ACTIVATIONS = ("gelu", "gelu_new", "relu")
"""The activations that the network knows, by their names in `config.json`."""

ONLY: dict[str, tuple[Any, ...]] = {
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "is_encoder_decoder": (False,),
    "add_cross_attention": (False,),
    "pruned_heads": ({}, None),
    "quantization_config": (None,),
}
"""Attributes that every family may state, with the only values that this network can honour."""

_MOST, _MOST_LAYERS = 10_000_000, 100
"""The greatest sizes. The work of reading a file must not grow with a number that anyone can write."""

_IGNORED = {
    "notes about the file": "_attn_implementation_autoset _name_or_path architectures dtype finetuning_task "
    "model_max_length name_or_path sentence_transformers tokenizer_class torch_dtype transformers_version",
    "training": "attention_probs_dropout_prob classifier_dropout gradient_checkpointing hidden_dropout_prob "
    "initializer_range",
    "output layers and what a call returns": "_num_labels id2label label2id num_labels output_attentions "
    "output_hidden_states output_past problem_type return_dict task_specific_params tie_encoder_decoder "
    "tie_word_embeddings",
    "how a program runs": "chunk_size_feed_forward cross_attention_hidden_size tf_legacy_loss torchscript "
    "use_bfloat16 use_cache xla_device",
    "special pieces, which the tokeniser names": "bos_token_id cls_token_id decoder_start_token_id "
    "eos_token_id eos_token_ids mask_token_id sep_token_id unk_token_id",
    "generation of text": "bad_words_ids begin_suppress_tokens diversity_penalty do_sample early_stopping "
    "encoder_no_repeat_ngram_size exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id "
    "length_penalty max_length min_length no_repeat_ngram_size num_beam_groups num_beams "
    "num_return_sequences output_scores prefix remove_invalid_values repetition_penalty "
    "return_dict_in_generate suppress_tokens temperature top_k top_p typical_p",
}
IGNORED = frozenset(name for names in _IGNORED.values() for name in names.split())
"""Attributes that every family ignores."""


class BertConfig(NamedTuple):
    """The settings that fix the shape and the equations of a network of BERT's family."""

    family: str  # `model_type`, a key of `FAMILIES`
    vocab_size: int
    num_positions: int  # rows of the table of positions
    width: int
    num_layers: int
    num_heads: int  # divides the width
    inner_width: int  # width of the feed-forward layers
    epsilon: float  # added to the variance in the layer norms
    activation: str = "gelu"  # one of `ACTIVATIONS`
    first_position: int = 0  # row of an input's first piece in the table of positions
    num_segments: int = 2  # rows of the table of segments; 0: no table
    embedding_width: int = 0  # width of the tables; 0: the network's width
    num_buckets: int = 0  # rows of MPNet's table of relative positions; 0: no table
    relative_span: int = 0  # DeBERTa: half the rows of its table of relative positions; 0: absolute positions

    @property
    def longest_input(self) -> int:
        """The length of the longest input, including the special pieces."""
        return self.num_positions - self.first_position


def parse_config(path: Path, content: bytes) -> BertConfig:
    """Returns the settings in a `config.json`.

    Args:
      path: the file, for error messages.
      content: the file's bytes.

    Raises:
      InputError: the content is not a JSON object, or an attribute is missing, unknown or not supported.
    """
    fail = partial(InputError, path, None)
    try:
        options = parse_json(skip_bom(content).decode(), fail)
    except UnicodeDecodeError as error:
        raise fail(f"bytes that are not valid UTF-8 ({error})", "a JSON object") from None
    if not isinstance(options, dict):
        raise fail(show(options), "a JSON object")
    name = options.get("model_type")
    if "model_type" not in options:
        raise fail("no model_type", f"the family of the checkpoint, one of {', '.join(FAMILIES)}")
    if not isinstance(name, str) or name not in FAMILIES:
        raise fail(f"model_type = {show(name)}", f"one of {', '.join(FAMILIES)}")
    family = FAMILIES[name]
    _check_attributes(options, family, fail)
    values = {field: _value(options, family, field, fail) for field in family.settings}
    if family.counts_from_padding:
        values["first_position"] = _integer(options, "pad_token_id", 0, fail) + 1
    config = BertConfig(family=name, **{**family.defaults, **values})
    _check_shape(config, family, fail)
    return config


def _check_attributes(options: dict[str, Any], family: Family, fail: Fail) -> None:
    """Raises an InputError if an attribute is unknown, or has a value that the network cannot honour."""
    padding = {"pad_token_id"} if family.counts_from_padding else set()
    known = {"model_type", *ONLY, *family.settings.values(), *family.required, *padding}
    known |= IGNORED | family.ignored
    for name, value in options.items():
        if name not in known:
            expected = "only attributes whose effect on the network is known; delete one that has no effect"
            raise fail(f"the unknown attribute {show(name)} = {show(value)}", expected)
        if name in ONLY and value not in ONLY[name]:
            raise fail(f"{name} = {show(value)}", f"{ONLY[name][0]!r}, or no {name}")
    for name, values in family.required.items():
        if options.get(name) not in values:
            raise fail(f"{name} = {show(options.get(name))}", f"{values[0]!r}")


def _value(options: dict[str, Any], family: Family, field: str, fail: Fail) -> Any:
    """Returns the value of a field of `BertConfig`, checked."""
    name = family.settings[field]
    if name not in options and field in family.defaults:
        return family.defaults[field]
    value = options.get(name)
    if field == "activation":
        if value not in ACTIVATIONS:
            raise fail(f"{name} = {show(value)}", f"one of {', '.join(ACTIVATIONS)}")
        return value
    if field == "epsilon":
        if type(value) is not float or not 0 < value < float("inf"):
            raise fail(f"{name} = {show(value)}", "a positive float")
        return value
    return _integer(options, name, 1, fail)


def _integer(options: dict[str, Any], name: str, least: int, fail: Fail) -> int:
    """Returns an attribute that is an integer of at least `least`."""
    value = options.get(name)
    if type(value) is not int or value < least:
        raise fail(f"{name} = {show(value)}", "a positive int" if least else "an int of at least 0")
    if value > _MOST:
        raise fail(f"{name} = {show(value)}", f"at most {_MOST}")
    return value


def _check_shape(config: BertConfig, family: Family, fail: Fail) -> None:
    """Raises an InputError if the sizes contradict each other."""
    if config.num_layers > _MOST_LAYERS:
        found = f"{family.settings['num_layers']} = {config.num_layers}"
        raise fail(found, f"at most {_MOST_LAYERS}")
    if config.width % config.num_heads:
        name, width = family.settings["num_heads"], family.settings["width"]
        raise fail(f"{name} = {config.num_heads}", f"a divisor of {width} ({config.width})")
    if config.longest_input < 4:
        least = config.first_position + 4
        expected = f"at least {least}: two special pieces and two word pieces"
        raise fail(f"{family.settings['num_positions']} = {config.num_positions}", expected)
    if config.num_buckets not in (0, 32):
        # The original reads this attribute for the table's size only, and counts 32 buckets.
        raise fail(f"{family.settings['num_buckets']} = {config.num_buckets}", "32")
    if config.relative_span and not 4 <= config.relative_span <= config.num_positions:
        expected = f"at least 4, and at most {family.settings['num_positions']} ({config.num_positions})"
        raise fail(f"{family.settings['relative_span']} = {config.relative_span}", expected)
