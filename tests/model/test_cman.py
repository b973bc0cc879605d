"""Tests of the whole network: ablations, dependencies between its parts, and the effect of padding."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from cman_jax.config import ModelConfig
from cman_jax.model.cman import CMAN
from cman_jax.model.cross_modal import BLA, BSA, SequenceLayer
from cman_jax.model.relation import RelationScorer
from cman_jax.model.tagging import TaggingPotentials
from cman_jax.training.losses import loss_terms
from cman_jax.types import Batch, Potentials
from tests.builders import (
    ABLATIONS,
    SENTENCES,
    SMALL_MODEL,
    batch_of,
    changed,
    network,
    random_variables,
    vocabs_of,
)

FULL = {"bla_0", "bla_1", "bsa_0", "bsa_1", "char", "fusion", "label", "relation", "tagging", "word"}
SUMS = "sums of the text between"
CASES = {**ABLATIONS, SUMS: {"between_dim": 3}}
LABEL_PARTS = {"bla_0", "bla_1", "fusion", "label"}
BATCH = batch_of()


class Compiled(NamedTuple):
    """A network with random parameters.

    Attributes:
      params: the parameters.
      potentials: returns the scores for a batch and tags.
      gradient: returns the gradient of a batch's loss.
    """

    params: Any
    potentials: Callable[[Batch, Any], Potentials]
    gradient: Callable[[Batch], Any]


@functools.cache
def compiled(ablation: str) -> Compiled:
    """Returns a small network with an ablation, or with more."""
    config = changed(SMALL_MODEL, **CASES[ablation])
    model = network(config)
    params = random_variables(model, BATCH, BATCH.tags, scale=0.4, train=False)["params"]

    def potentials(params: Any, batch: Batch, tags: Any) -> Potentials:
        return model.apply({"params": params}, batch, tags, train=False)

    def loss(params: Any, batch: Batch) -> Any:
        scores = potentials(params, batch, batch.tags)
        terms = loss_terms(scores, batch, null_relation=config.null_relation)
        return terms.ner + terms.relation

    return Compiled(
        params,
        functools.partial(jax.jit(potentials), params),
        functools.partial(jax.jit(jax.grad(loss)), params),
    )


def shapes(config: ModelConfig) -> Any:
    """Returns the shapes of all parameters."""
    init = functools.partial(network(config).init, train=False)
    return jax.eval_shape(init, jax.random.key(0), BATCH, BATCH.tags)["params"]


@pytest.mark.parametrize(
    ("ablation", "gone"),
    [
        ("full", set()),
        ("no self-attention", set()),
        ("no BLA", LABEL_PARTS),
        ("neither", LABEL_PARTS),
        ("MLP", set()),
    ],
)
def test_ablations_remove_parameters(ablation: str, gone: set[str]) -> None:
    params = shapes(changed(SMALL_MODEL, **ABLATIONS[ablation]))
    assert set(params) == FULL - gone
    attends = ablation not in ("no self-attention", "neither")
    assert all(
        ("attention" in params[unit]) == ("norm" in params[unit]) == attends for unit in ("bsa_0", "bsa_1")
    )
    layers = [params["bsa_0"]["encoder"], params["bsa_1"]["encoder"]]
    if not gone:
        layers += [params["fusion"], params["bla_0"]["label_encoder"], params["bla_1"]["label_encoder"]]
    assert all(set(layer) == {"mlp" if ablation == "MLP" else "bilstm"} for layer in layers)
    assert "bilstm" in params["char"]


def test_the_paper_preset_has_the_paper_widths() -> None:
    params = shapes(ModelConfig())
    assert params["word"]["words"]["embedding"].shape[1] == 50
    assert params["char"]["chars"]["embedding"].shape[1] == 128
    assert params["label"]["embedding"].shape[1] == 25
    assert params["char"]["bilstm"]["recurrent_kernel"].shape == (2, 64, 4 * 64)
    assert params["fusion"]["bilstm"]["recurrent_kernel"].shape == (2, 128, 4 * 128)
    assert params["fusion"]["bilstm"]["gates"]["kernel"].shape[1] == 2 * 256
    assert params["tagging"]["scores"]["kernel"].shape == (256, 8 * 7)
    assert params["relation"]["output"].shape == (128, 4)


def test_the_units_are_connected_as_in_equations_4_to_9() -> None:
    params, config = compiled("full").params, SMALL_MODEL
    unit = (config.lstm_dim, config.num_heads, "bilstm", 0.0)

    def part(module: nn.Module, name: str, *inputs: Any, **options: Any) -> Any:
        return module.apply({"params": params[name]}, *inputs, **options)

    def bla(name: str, x: Any, labels: Any, mask: Any) -> Any:
        memory = part(BLA(*unit), name, labels, mask, method="encode_labels")
        return part(BLA(*unit), name, x, memory, mask, train=False)

    def potentials(x: Any, tags: Any, mask: Any) -> Potentials:
        for name in ("bsa_0", "bsa_1"):
            x = part(BSA(*unit, attention=True), name, x, mask, train=False)
        labels = params["label"]["embedding"][tags]
        first = bla("bla_0", x, labels, mask)
        fusion, tokens = SequenceLayer(config.lstm_dim, "bilstm"), jnp.concatenate([x, first], -1)
        fused = part(fusion, "fusion", tokens, mask)
        third = bla("bla_1", fused, labels, mask)
        scorer = RelationScorer(4, config.scorer_dim, "per_relation", config.relation_prior)
        tagging = part(TaggingPotentials(7, "pairwise"), "tagging", x, mask)
        return Potentials(tagging, part(scorer, "relation", third))

    encode = functools.partial(network().apply, {"params": params}, method="encode_inputs")
    composed = jax.jit(lambda batch: potentials(encode(batch), batch.tags, batch.mask))(BATCH)
    jax.tree.map(close, composed, compiled("full").potentials(BATCH, BATCH.tags))


def test_frozen_word_vectors_have_their_own_width_and_no_parameters() -> None:
    sizes = vocabs_of(SENTENCES).sizes._replace(frozen_words=True)
    model, constants = CMAN(SMALL_MODEL, sizes), {"word": {"vectors": jnp.ones((sizes.num_words, 9))}}

    def run(key: Any, batch: Batch) -> Any:
        variables, rngs = {"constants": constants}, {"params": key}
        return model.apply(variables, batch, method="encode_inputs", rngs=rngs, mutable=["params"])

    inputs, variables = jax.eval_shape(run, jax.random.key(0), BATCH)
    assert inputs.shape[-1] == 2 * SMALL_MODEL.char_lstm_dim + 9
    assert set(variables["params"]) == {"char"}


@pytest.mark.parametrize("ablation", CASES)
def test_every_parameter_gets_a_gradient(ablation: str) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(compiled(ablation).gradient(BATCH)):
        name = jax.tree_util.keystr(path)
        assert np.isfinite(leaf).all(), name
        assert leaf.any(), name


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_labels_change_the_relations_and_never_the_tagging(ablation: str) -> None:
    others = np.where(BATCH.mask, 1 - np.minimum(BATCH.tags, 1), 0)
    first, second = (compiled(ablation).potentials(BATCH, tags) for tags in (BATCH.tags, others))
    jax.tree.map(np.testing.assert_array_equal, first.tagging, second.tagging)
    real_cells = BATCH.mask[:, :, None] & BATCH.mask[:, None, :]
    moved = np.asarray(first.relation_logits != second.relation_logits)[real_cells]
    assert moved.all() if "label_attention" not in ABLATIONS[ablation] else not moved.any()


@pytest.mark.parametrize("ablation", ["full", "as Bekoulis", SUMS])
def test_a_sentence_has_the_same_scores_alone_in_a_batch_and_in_a_larger_bucket(ablation: str) -> None:
    potentials = compiled(ablation).potentials
    larger = batch_of(length=16)
    together, in_larger = potentials(BATCH, BATCH.tags), potentials(larger, larger.tags)
    for b, sentence in enumerate(SENTENCES):
        single = batch_of([sentence])
        alone, n = potentials(single, single.tags), len(sentence.tokens)
        for scores in (cut(alone, 0, n), cut(in_larger, b, n)):
            jax.tree.map(close, scores, cut(together, b, n))


def close(actual: Any, expected: Any) -> None:
    """Asserts equality up to rounding."""
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def cut(potentials: Potentials, row: int, n: int) -> tuple[Any, ...]:
    """Returns the scores of one sentence of n tokens."""
    tagging, relation_logits = potentials
    return tagging.initial[row], tagging.pairwise[row, 1:n], relation_logits[row, :n, :n]


@pytest.mark.parametrize("ablation", ["full", "as Bekoulis", "MLP", SUMS])
def test_values_at_padding_change_nothing(ablation: str) -> None:
    garbage = BATCH._replace(
        word_ids=np.where(BATCH.mask, BATCH.word_ids, 3),
        char_rows=np.where(BATCH.mask, BATCH.char_rows, 2),
        tags=np.where(BATCH.mask, BATCH.tags, 4),
    )
    actual, expected = (compiled(ablation).gradient(batch) for batch in (garbage, BATCH))
    jax.tree.map(np.testing.assert_array_equal, actual, expected)
    actual, expected = (compiled(ablation).potentials(batch, batch.tags) for batch in (garbage, BATCH))
    for b, sentence in enumerate(SENTENCES):
        n = len(sentence.tokens)
        jax.tree.map(np.testing.assert_array_equal, cut(actual, b, n), cut(expected, b, n))


def test_a_batch_without_sentences_has_no_gradient() -> None:
    empty = batch_of([], batch_size=len(SENTENCES))
    assert not any(leaf.any() for leaf in jax.tree.leaves(compiled("full").gradient(empty)))


def test_token_input_is_characters_and_words_and_zero_at_padding() -> None:
    variables = {"params": compiled("full").params}
    encode = jax.jit(functools.partial(network().apply, method="encode_inputs"))
    inputs = np.asarray(encode(variables, BATCH))
    assert not inputs[~BATCH.mask].any()
    words = variables["params"]["word"]["words"]["embedding"]
    np.testing.assert_array_equal(
        inputs[BATCH.mask][:, -SMALL_MODEL.word_dim :], words[BATCH.word_ids[BATCH.mask]]
    )
    chars = inputs[:, :, : -SMALL_MODEL.word_dim]
    london = [(0, 4), (2, 4)]  # the same word in two sentences
    np.testing.assert_array_equal(chars[london[0]], chars[london[1]])
    assert len(np.unique(chars[BATCH.mask], axis=0)) == len({t for s in SENTENCES for t in s.tokens})


def test_dropout_acts_only_in_training_and_only_at_its_own_place() -> None:
    variables = {"params": {"bsa_0": compiled("neither").params["bsa_0"]}}
    embeddings = np.ones((*BATCH.mask.shape, 11), np.float32)

    def encoded(
        input_dropout: float, lstm_dropout: float, *keys: Any, word_dropout: float = 0.0
    ) -> list[np.ndarray]:
        rates = {"input_dropout": input_dropout, "lstm_dropout": lstm_dropout, "word_dropout": word_dropout}
        model = network(changed(SMALL_MODEL, num_bsa=1, **ABLATIONS["neither"], **rates))
        run = jax.jit(functools.partial(model.apply, train=bool(keys), method="encode_tokens"))
        rngs = [{"dropout": key} for key in keys] or [{}]
        return [np.asarray(run(variables, embeddings, BATCH.mask, rngs=r))[BATCH.mask] for r in rngs]

    keys = jax.random.split(jax.random.key(0))
    [whole] = encoded(0.5, 0.5)
    assert all((undropped == whole).all() for undropped in encoded(0.0, 0.0, *keys))
    first, again, other = encoded(0.5, 0.0, keys[0], keys[0], keys[1])
    assert (first == again).all()
    assert (first != other).any()
    assert (first != whole).any()
    assert first.all()
    [after] = encoded(0.0, 0.5, keys[0])
    assert 0.3 < (after == 0).mean() < 0.7
    assert (encoded(0.0, 0.0, word_dropout=0.9999)[0] == whole).all()
    [dropped] = encoded(0.0, 0.0, keys[0], word_dropout=0.9999)
    embeddings = np.zeros_like(embeddings)
    [of_zeros] = encoded(0.0, 0.0)
    assert (of_zeros == dropped).all()
    assert (of_zeros != whole).any()
