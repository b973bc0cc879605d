"""Tests of settings that only some families have; `test_checkpoint.py` has those of every family."""

import json
from pathlib import Path
from typing import Any

import pytest

from cman_jax.encoders.bert.config import IGNORED, ONLY, BertConfig, parse_config
from cman_jax.encoders.bert.families import FAMILIES
from cman_jax.errors import InputError

SIZES = {
    "vocab_size": 50,
    "max_position_embeddings": 40,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "layer_norm_eps": 1e-5,
    "hidden_act": "gelu",
}
DISTIL = {"vocab_size": 50, "max_position_embeddings": 40, "dim": 8, "n_layers": 2, "n_heads": 2}
DISTIL |= {"hidden_dim": 12, "activation": "relu"}
DEBERTA = SIZES | {
    "relative_attention": True,
    "position_biased_input": False,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "pos_att_type": ["c2p", "p2c"],
    "max_relative_positions": -1,
    "type_vocab_size": 0,
    "position_buckets": 16,
}
OPTIONS = {
    "bert": SIZES,
    "roberta": SIZES | {"pad_token_id": 1},
    "electra": SIZES | {"embedding_size": 4},
    "distilbert": DISTIL,
    "mpnet": SIZES,
    "deberta-v2": DEBERTA,
}


def parse(family: str, **changes: Any) -> BertConfig:
    """Returns the settings of a family with changes; None removes an attribute."""
    options = {"model_type": family, **OPTIONS[family], **changes}
    kept = {name: value for name, value in options.items() if value is not None}
    return parse_config(Path("config.json"), json.dumps(kept).encode())


def test_each_family_has_its_own_settings() -> None:
    base = BertConfig("bert", 50, 40, 8, 2, 2, 12, 1e-5)
    assert parse("bert") == base
    assert parse("roberta", type_vocab_size=1) == base._replace(
        family="roberta", first_position=2, num_segments=1
    )
    assert parse("roberta", pad_token_id=4).longest_input == 35
    assert parse("electra") == base._replace(family="electra", embedding_width=4)
    distil = {"family": "distilbert", "epsilon": 1e-12, "activation": "relu", "num_segments": 0}
    assert parse("distilbert") == base._replace(**distil)
    mpnet = {"family": "mpnet", "first_position": 2, "num_segments": 0, "num_buckets": 32}
    assert parse("mpnet") == parse("mpnet", pad_token_id=7) == base._replace(**mpnet)
    deberta = {"family": "deberta-v2", "num_segments": 0, "relative_span": 16}
    assert parse("deberta-v2") == parse("deberta-v2", pos_att_type="p2c|c2p") == base._replace(**deberta)


@pytest.mark.parametrize(
    ("family", "changes", "found"),
    [
        ("roberta", {"pad_token_id": None}, "pad_token_id = None, expected an int of at least 0"),
        ("roberta", {"pad_token_id": -1}, "pad_token_id = -1, expected an int of at least 0"),
        ("roberta", {"max_position_embeddings": 5}, "= 5, expected at least 6: two special pieces and two"),
        ("electra", {"embedding_size": None}, "embedding_size = None, expected a positive int"),
        ("bert", {"embedding_size": 4}, "the unknown attribute 'embedding_size' = 4"),
        ("distilbert", {"n_heads": 3}, r"n_heads = 3, expected a divisor of dim \(8\)"),
        ("distilbert", {"hidden_size": 8}, "the unknown attribute 'hidden_size' = 8"),
        ("mpnet", {"relative_attention_num_buckets": 12}, "num_buckets = 12, expected 32"),
        ("mpnet", {"type_vocab_size": 2}, "the unknown attribute 'type_vocab_size' = 2"),
        ("deberta-v2", {"share_att_key": None}, "share_att_key = None, expected True"),
        ("deberta-v2", {"relative_attention": False}, "relative_attention = False, expected True"),
        ("deberta-v2", {"pos_att_type": "c2p"}, "pos_att_type = 'c2p', expected 'p2c|c2p'"),
        ("deberta-v2", {"conv_kernel_size": 3}, "the unknown attribute 'conv_kernel_size' = 3"),
        (
            "deberta-v2",
            {"position_buckets": 50},
            r"position_buckets = 50, expected at least 4, and at most max",
        ),
    ],
)
def test_settings_that_a_family_cannot_honour_are_refused(
    family: str, changes: dict[str, Any], found: str
) -> None:
    with pytest.raises(InputError, match=rf"config.json: found .*{found}"):
        parse(family, **changes)


def test_an_attribute_is_used_or_ignored_or_refused_and_not_two_of_these() -> None:
    for family in FAMILIES.values():
        used = {*family.settings.values(), *family.required} | (
            {"pad_token_id"} if family.counts_from_padding else set()
        )
        groups = [used, family.ignored, IGNORED, set(ONLY)]
        assert len(set().union(*groups)) == sum(map(len, groups))
