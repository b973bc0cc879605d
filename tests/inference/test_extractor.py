"""The Python API: one record per text, and decoding options that are checked."""

from typing import Any

import jax
import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor, with_decoding
from cman_jax.run.system import System
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, changed, normal, quick_compilation, vocabs_of


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    """A network that compiles fast, with random parameters."""
    config = Config(model=changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1), data=SMALL_DATA)
    system = System.build(config, vocabs_of(SENTENCES))
    shapes, tree = jax.tree.flatten(system.param_shapes())
    params = jax.tree.unflatten(tree, [normal(seed, *leaf.shape) for seed, leaf in enumerate(shapes)])
    return Extractor(system, params, 1)


def test_a_text_gives_one_record_and_a_sentence_one_annotation(extractor: Extractor) -> None:
    text = "Ada lived in London ."
    with quick_compilation():
        (record,) = extractor.extract(text)
        assert record["tokens"] == text.split()
        assert (record["id"], record["text"]) == ("1", text)
        first, second = extractor.extract([text, "Nobody came."])
        assert first == record
        assert second["tokens"] == ["Nobody", "came", "."]
        assert extractor.annotate(SENTENCES[0]) == extractor.annotate(SENTENCES[:1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": float("nan")}, "decoding option threshold: found nan, expected a finite number"),
        ({"threshold": 2}, "decoding option threshold: found 2, expected in [0, 1)"),
        ({"threshold": 1.0}, "decoding option threshold: found 1.0, expected in [0, 1)"),
        ({"threshold": "0.5"}, "decoding option threshold: found '0.5', expected a finite number"),
        ({"anchor": "first"}, "decoding option anchor: found 'first', expected 'last' | 'any'"),
        ({"labels": None}, "decoding option labels: found None, expected 'predicted' | 'gold'"),
        ({"bio_constraints": "no"}, "decoding option bio_constraints: found 'no', expected bool"),
        (
            {"treshold": 0.5},
            "decoding options: found 'treshold', expected some of threshold, anchor, bio_constraints, labels",
        ),
    ],
)
def test_decoding_options_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        with_decoding(Config(), changes)
    assert str(error.value) == message


def test_decoding_options_that_are_allowed_are_taken_and_nothing_else_changes() -> None:
    config = Config()
    changed_config = with_decoding(config, {"threshold": 0, "anchor": "any"})
    assert (changed_config.decoding.threshold, changed_config.decoding.anchor) == (0, "any")
    assert config.decoding.anchor == "last"
    assert with_decoding(changed_config, {"threshold": 0.5, "anchor": "last"}) == config


@pytest.mark.parametrize(
    "model",
    [{"label_attention": False}, {"network": "multihead", "label_attention": False, "label_dim": 0}],
    ids=["no BLA", "multihead without labels"],
)
def test_gold_labels_that_nothing_reads_are_refused(model: dict[str, Any]) -> None:
    config = Config(model=changed(SMALL_MODEL, **model))
    with pytest.raises(InputError, match="found 'gold', expected 'predicted': the relations read no labels"):
        with_decoding(config, {"labels": "gold"})
    assert with_decoding(config, {"labels": "predicted"}) == config
    assert with_decoding(Config(), {"labels": "gold"}).decoding.labels == "gold"
