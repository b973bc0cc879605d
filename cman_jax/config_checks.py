"""The check of a config's values, and configs from dictionaries, which are checked."""

import dataclasses
import itertools
import math
import operator
import re
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.errors import InputError, UnfitSettings

_FORMER_NAMES = {"model.encoder": "sequence_layer", "model.start": "init"}
"""Fields of version 0.1 whose names have changed since."""
_FORMER_VALUES = {"decoding.labels": "predicted"}
"""Fields of version 0.1 that are gone, with the value that every run still means."""


def from_dict(values: Any) -> Config:
    """Returns the config that `to_dict` wrote, of this version or an older one; lists may stand for tuples.

    Raises:
      ValueError: an unknown section or field, or a value that its field does not allow.
    """
    config = Config()
    for section, fields in _items("config", values):
        if section not in Config.__slots__:
            raise ValueError(f"unknown config section {section!r}")
        target = getattr(config, section)
        for name, value in _items(f"config.{section}", fields):
            dotted = f"{section}.{name}"
            if dotted in _FORMER_VALUES and value == _FORMER_VALUES[dotted]:
                continue
            name = _FORMER_NAMES.get(dotted, name)
            if name not in type(target).__slots__:
                raise ValueError(f"unknown config field {section}.{name}")
            setattr(target, name, tuple(value) if isinstance(value, list) else value)
    validate(config)
    return config


def config_from_json(values: Any, path: Path) -> Config:
    """Returns a config that JSON expressed.

    Args:
      values: the content of the file, or a part of it.
      path: the file, for error messages.

    Raises:
      InputError: this version cannot read the config.
    """
    try:
        return from_dict(values)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError(path, None, f"{error}", "a config that a training run wrote") from None


def _items(name: str, values: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(values, dict):
        raise ValueError(f"{name} is {values!r}; allowed: a dictionary")
    return values.items()


def validate(config: Config) -> None:
    """Checks what types alone do not say.

    Raises:
      SettingError: names the field, its value and what is allowed.
    """
    for section in dataclasses.fields(config):
        part = getattr(config, section.name)
        for field in dataclasses.fields(part):
            _check_type(f"{section.name}.{field.name}", getattr(part, field.name), field)
    for allowed, holds, names in _RANGES:
        for name in names:
            value = operator.attrgetter(name)(config)
            _require(name, value, holds(value), allowed)
    model, data, cman = config.model, config.data, config.model.network == "cman"
    _require("model.label_dim", model.label_dim, model.label_dim > 0 or not cman, "above 0 in cman")
    attends = model.label_attention
    _require("model.label_attention", attends, cman or not attends, "False in multihead, which has none")
    _require("model.num_heads", model.num_heads, 2 * model.lstm_dim % model.num_heads == 0, "a divisor of 2d")
    for name in ("bucket_lengths", "char_lengths"):
        lengths = getattr(data, name)
        rising = len(lengths) > 0 and lengths[0] > 0 and all(a < b for a, b in itertools.pairwise(lengths))
        _require(f"data.{name}", lengths, rising, "rising positive lengths")
    layers = config.encoder.trained_layers
    fits = re.fullmatch("all|0|[1-9][0-9]*", layers) is not None
    _require("encoder.trained_layers", layers, fits, "'all' or a number")
    constraints = config.decoding.constraints
    _require("decoding.constraints", constraints, constraints != "", "'none', 'learned' or a file")
    same_length = len(data.char_shares) == len(data.char_lengths)
    shares = same_length and all(0 < share <= 1 for share in data.char_shares)
    _require("data.char_shares", data.char_shares, shares, "a share in (0, 1] for each of data.char_lengths")
    thresholds = config.decoding.relation_thresholds
    inside = all(0 <= threshold < 1 for threshold in thresholds)
    _require("decoding.relation_thresholds", thresholds, inside, "numbers in [0, 1)")


def _fields(**sections: str) -> list[str]:
    """Returns dotted names of fields, from the names of each section's fields with spaces between."""
    return [f"{section}.{name}" for section, names in sections.items() for name in names.split()]


_RANGES = (
    (
        "above 0",
        lambda x: x > 0,
        _fields(
            model="char_dim char_lstm_dim word_dim lstm_dim num_heads num_bsa scorer_dim",
            training="num_epochs batch_size",
            encoder="learning_rate",
        ),
    ),
    (
        "at least 0",
        lambda x: x >= 0,
        _fields(
            model="feature_dim label_dim between_dim",
            data="extra_words min_word_count",
            training="max_skipped_updates clip_norm alpha",
            encoder="weight_decay clip_norm",
        ),
    ),
    (
        "in [0, 1)",
        lambda x: 0 <= x < 1,
        _fields(
            model="input_dropout word_dropout lstm_dropout",
            training="relation_smoothing",
            encoder="warmup dropout",
            decoding="threshold",
        ),
    ),
    ("in [0, 1]", lambda x: 0 <= x <= 1, ["training.final_rate"]),
    ("in (0, 1]", lambda x: 0 < x <= 1, ["encoder.layer_decay"]),
    ("in (0, 0.5]", lambda x: 0 < x <= 0.5, ["model.relation_prior"]),
    ("in (0, 1e30]", lambda x: 0 < x <= 1e30, ["training.learning_rate", "training.positive_weight"]),
    ("at least 1", lambda x: x >= 1, ["data.piece_ratio"]),
    ("in [0, 2**32)", lambda x: 0 <= x < 2**32, ["training.seed"]),
)
"""Each range of numbers in words, as a test, and the fields whose values must lie in it."""


class SettingError(UnfitSettings):
    """A field's value that is not allowed.

    Attributes:
      name: the name of the field, as in "model.lstm_dim".
      value: the value.
      allowed: which values are allowed, in words.
    """

    def __init__(self, name: str, value: Any, allowed: str):
        super().__init__(f"config.{name} is {value!r}; allowed: {allowed}")
        self.name, self.value, self.allowed = name, value, allowed


def _require(name: str, value: Any, holds: bool, allowed: str) -> None:
    if not holds:
        raise SettingError(name, value, allowed)


def _check_type(name: str, value: Any, field: dataclasses.Field) -> None:
    """Checks a text by its choices, a number by its kind; a float may be an int, but not infinite."""
    expected = field.type
    if choices := field.metadata.get("choices"):
        _require(name, value, value in choices, " | ".join(map(repr, choices)))
    elif typing.get_origin(expected) is tuple:
        kind = typing.get_args(expected)[0]
        fits = isinstance(value, tuple) and all(_is_a(v, kind) for v in value)
        _require(name, value, fits, f"a tuple of {kind.__name__}s")
    else:
        allowed = "a finite number" if expected is float else expected.__name__
        _require(name, value, _is_a(value, expected), allowed)


def _is_a(value: Any, kind: type) -> bool:
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is kind
