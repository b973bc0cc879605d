"""A config survives JSON; every field is checked, and the message names it."""

import json
from typing import Any

import pytest

from cman_jax.config import Config, differences, to_dict
from cman_jax.config_checks import from_dict, validate

# A valid value other than the default, and values that are refused, for every field there is.
FIELDS: dict[str, tuple[Any, list[Any]]] = {
    "model.network": ("multihead", ["CMAN", None]),
    "model.char_dim": (3, [0, -1, 1.0, True, "3", None]),
    "model.char_lstm_dim": (3, [0, 2.5]),
    "model.word_dim": (3, [0, "50"]),
    "model.feature_dim": (3, [-1, 2.0]),
    "model.label_dim": (3, [0, -1, None]),
    "model.lstm_dim": (12, [0, -4, 5, 12.0]),  # 5 is no multiple of half the heads
    "model.num_heads": (4, [0, -8, 3, 512]),
    "model.num_bsa": (1, [0, 1.0]),
    "model.scorer_dim": (3, [0, False]),
    "model.crf": ("factored", ["Pairwise", None, ["pairwise"]]),
    "model.relation_scorer": ("shared", ["own", 0]),
    "model.null_relation": (False, [0, "no", None]),
    "model.init": ("glorot", ["Glorot", None]),
    "model.relation_prior": (0.5, [0.0, -0.1, 0.51, float("nan"), "0.1"]),
    "model.between_dim": (4, [-1, 2.0]),
    "model.input_dropout": (0.0, [-0.1, 1.0, float("nan"), True]),
    "model.word_dropout": (0.1, [-0.1, 1.0, None]),
    "model.lstm_dropout": (0, [-0.1, 1, None]),
    "model.self_attention": (False, [1]),
    "model.label_attention": (False, ["False"]),
    "model.sequence_layer": ("mlp", ["lstm"]),
    "data.bucket_lengths": ((10, 20), [(), (0, 5), (5, 5), (9, 3), (5.0, 6), 5, "16"]),
    "data.char_lengths": ((4, 8, 16), [(), (-1, 2, 3), (2, 2, 3), (3, 4)]),
    "data.char_shares": (
        (0.5, 1, 0.1),
        [(), (0.5, 0.5), (0.0, 0.5, 0.5), (0.5, 0.5, 1.5), (0.5, 0.5, "x"), 1.0],
    ),
    "data.extra_words": (0, [-1, 1e3]),
    "data.piece_ratio": (2.0, [0.5, "2"]),
    "data.min_word_count": (1, [-1, 0.5]),
    "training.num_epochs": (1, [0, -1, 1.5, True]),
    "training.batch_size": (1, [0, -8, 8.0]),
    "training.learning_rate": (1, [0, 0.0, -1e-3, 1e31, float("nan"), float("inf"), "fast"]),
    "training.final_rate": (0.1, [-0.1, 1.1, "all"]),
    "training.max_skipped_updates": (0, [-1, 1.0, None]),
    "training.clip_norm": (1.5, [-1.0, float("nan"), float("inf"), None]),
    "training.alpha": (0, [-0.01, float("nan"), float("inf"), False]),
    "training.positive_weight": (2, [0, -1.0, float("inf"), "2"]),
    "training.relation_smoothing": (0.1, [-0.1, 1.0, None]),
    "training.precision": ("bfloat16", ["float16", 16]),
    "training.protocol": ("train+dev", ["test"]),
    "training.seed": (7, [-1, 2**32, 0.0, None]),
    "encoder.trained_layers": ("all", ["", "-1", "1.5", "none", "00", "06", "\u0664", 2]),
    "encoder.learning_rate": (1e-4, [0, -1e-5]),
    "encoder.warmup": (0.0, [1.0, -0.1]),
    "encoder.layer_decay": (1.0, [0.0, 1.1]),
    "encoder.weight_decay": (0.0, [-0.1]),
    "encoder.clip_norm": (0.0, [-1.0]),
    "encoder.dropout": (0.0, [1.0, -0.1]),
    "encoder.remat": (True, [1, "yes"]),
    "decoding.threshold": (0.3, [-0.1, 1.0, float("nan"), "0.5"]),
    "decoding.relation_thresholds": ((0.3, 0.4), [(0.3, 1.0), (-0.1,), ("0.5",), 0.5]),
    "decoding.anchor": ("any", ["first"]),
    "decoding.bio_constraints": (True, [1]),
    "decoding.constraints": ("learned", ["", True]),
    "decoding.precision": ("auto", ["tf32"]),
    "scoring.match": ("boundaries", ["loose"]),
    "scoring.average": ("macro", ["mean"]),
    "scoring.other": (False, [0]),
    "scoring.overlap": ("drop", ["merge"]),
}


def leaves(config: Config) -> dict[str, Any]:
    """Every setting under its dotted name."""
    nested = to_dict(config)
    return {
        f"{section}.{name}": value for section, fields in nested.items() for name, value in fields.items()
    }


# What a value needs beside it.
NEEDS = {"multihead": {"model.label_attention": False}}


def config_with(name: str, value: Any) -> Config:
    config = Config()
    for each, wanted in {name: value, **NEEDS.get(str(value), {})}.items():
        section, field = each.split(".")
        setattr(getattr(config, section), field, wanted)
    return config


def through_json(config: Config) -> Config:
    return from_dict(json.loads(json.dumps(to_dict(config))))


def test_this_file_knows_every_field() -> None:
    assert list(FIELDS) == list(leaves(Config()))


@pytest.mark.parametrize("name", FIELDS)
def test_a_difference_has_its_name_and_both_values(name: str) -> None:
    changed, default = config_with(name, FIELDS[name][0]), Config()
    found = {where: (there, here) for where, there, here in differences(default, changed)}
    assert found[name] == (leaves(default)[name], FIELDS[name][0])
    assert set(found) == {name, *NEEDS.get(str(FIELDS[name][0]), {})}


def test_the_defaults_are_valid_and_survive_json() -> None:
    validate(Config())
    assert through_json(Config()) == Config()


@pytest.mark.parametrize("name", FIELDS)
def test_a_changed_field_is_valid_and_survives_json(name: str) -> None:
    config = config_with(name, FIELDS[name][0])
    assert config != Config()
    validate(config)
    assert through_json(config) == config
    value = leaves(through_json(config))[name]
    assert (value, type(value)) == (FIELDS[name][0], type(FIELDS[name][0]))


@pytest.mark.parametrize(
    ("name", "value"), [(name, bad) for name, (_, bads) in FIELDS.items() for bad in bads]
)
def test_a_bad_value_is_refused_with_its_field_and_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"; allowed: .") as error:
        validate(config_with(name, value))
    named = {"model.lstm_dim": "model.num_heads"} if value == 5 else {}  # the two are checked together
    named |= {"data.char_lengths": "data.char_shares"} if value == (3, 4) else {}
    assert f"config.{named.get(name, name)} is" in str(error.value)


def test_every_field_also_refuses_another_kind_of_value_from_json() -> None:
    for name in FIELDS:
        section, field = name.split(".")
        with pytest.raises(ValueError, match=f"config.{name} is"):
            from_dict({section: {field: {"a": 1}}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modle": {}}, "unknown config section 'modle'"),
        ({"model": {"heads": 4}}, "unknown config field model.heads"),
        ({"model": {"alpha": 4}}, "unknown config field model.alpha"),
        ({"model": {"__class__": 4}}, "unknown config field"),
        ({"model": 5}, "config.model is 5; allowed: a dictionary"),
        ({"model": [1]}, "config.model is "),
        (None, "config is None; allowed: a dictionary"),
        ([], "config is "),
    ],
)
def test_what_is_no_config_is_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_dict(values)


def test_a_config_of_an_older_version_has_its_fields_under_their_new_names() -> None:
    config = from_dict({"model": {"encoder": "mlp", "start": "glorot"}})
    assert (config.model.sequence_layer, config.model.init) == ("mlp", "glorot")
    assert from_dict({"decoding": {"labels": "predicted"}}) == Config()
    with pytest.raises(ValueError, match=r"unknown config field decoding.labels"):
        from_dict({"decoding": {"labels": "gold"}})


def test_absent_fields_have_their_defaults() -> None:
    assert from_dict({}) == Config()
    assert from_dict({"model": {"num_heads": 4}}) == config_with("model.num_heads", 4)


def test_configs_do_not_share_their_sections() -> None:
    first = Config()
    first.model.num_heads = 2
    assert Config().model.num_heads == 8


def test_a_misspelled_field_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        Config().model.num_head = 4


def test_each_network_refuses_what_it_would_not_read() -> None:
    baseline = {"network": "multihead", "label_attention": False, "label_dim": 0}
    from_dict({"model": baseline})
    with pytest.raises(ValueError, match=r"label_attention is True; allowed: False in multihead"):
        from_dict({"model": baseline | {"label_attention": True}})
    with pytest.raises(ValueError, match=r"label_dim is 0; allowed: above 0 in cman"):
        from_dict({"model": baseline | {"network": "cman"}})


def test_the_defaults_are_those_of_the_paper() -> None:
    config = Config()
    assert (config.model.char_dim, config.model.label_dim, config.model.lstm_dim) == (128, 25, 128)
    assert (config.model.num_bsa, config.model.input_dropout, config.model.lstm_dropout) == (2, 0.2, 0.1)
    assert (config.model.crf, config.model.relation_scorer, config.model.sequence_layer) == (
        "pairwise",
        "per_relation",
        "bilstm",
    )
    assert (config.training.num_epochs, config.training.learning_rate, config.training.alpha) == (
        180,
        5e-4,
        0.01,
    )
