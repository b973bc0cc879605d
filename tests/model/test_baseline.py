"""Tests of multi-head selection against its formulas, with and without label embeddings."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import ModelConfig, TrainingConfig
from cman_jax.configs import multihead_conll04
from cman_jax.layers.lstm import BiLSTM
from cman_jax.model.baseline import MultiHead
from cman_jax.training.losses import Objective
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState, train_step
from cman_jax.types import Batch, Potentials, Sizes
from tests.builders import SENTENCES, SMALL_MODEL, batch_of, changed, random_variables, vocabs_of

PARTS = {"bsa_0", "bsa_1", "char", "relation", "tag_layer", "tagging", "word"}
SMALL = changed(
    SMALL_MODEL,
    network="multihead",
    self_attention=False,
    label_attention=False,
    crf="factored",
    relation_scorer="shared",
)
BATCH = batch_of()
LABEL_DIMS = pytest.mark.parametrize("label_dim", [0, 25])


class Compiled(NamedTuple):
    """A network with random parameters.

    Attributes:
      model: the network.
      params: the parameters.
      potentials: returns the scores for a batch and tags.
    """

    model: MultiHead
    params: Any
    potentials: Callable[[Batch, Any], Potentials]


@functools.cache
def compiled(label_dim: int) -> Compiled:
    """Returns the baseline with label embeddings of this width."""
    model = MultiHead(changed(SMALL, label_dim=label_dim), vocabs_of(SENTENCES).sizes)
    params = random_variables(model, BATCH, BATCH.tags, scale=0.4, train=False)["params"]
    run = jax.jit(functools.partial(model.apply, train=False))
    return Compiled(model, params, functools.partial(run, {"params": params}))


def shapes(config: ModelConfig, sizes: Sizes) -> Any:
    """Returns the shapes of all parameters."""
    batch = batch_of()._replace(features=np.zeros((4, sizes.feature_layers, 8, sizes.feature_width)))
    init = functools.partial(MultiHead(config, sizes).init, train=False)
    return jax.eval_shape(init, jax.random.key(0), batch, batch.tags)["params"]


def test_the_preset_has_the_released_widths() -> None:
    config, sizes = multihead_conll04.get_config().model, vocabs_of(SENTENCES).sizes
    params = shapes(config, sizes)
    assert set(params) == PARTS | {"bsa_2"}
    assert params["char"]["chars"]["embedding"].shape[1] == 25
    assert params["char"]["bilstm"]["recurrent_kernel"].shape == (2, 25, 4 * 25)
    for i, width in enumerate((2 * 25 + 50, 128, 128)):
        assert set(params[f"bsa_{i}"]) == {"encoder"}
        assert params[f"bsa_{i}"]["encoder"]["bilstm"]["gates"]["kernel"].shape == (2, width, 4 * 64)
    assert params["tag_layer"]["kernel"].shape == (128, 64)
    assert params["tagging"]["emissions"]["kernel"].shape == (64, 7)
    assert params["relation"]["subject"]["kernel"].shape == (128, 64)
    assert params["relation"]["output"].shape == (64, 4)
    with_labels = shapes(changed(config, label_dim=25), sizes)
    assert set(with_labels) - set(params) == {"label"}
    assert with_labels["relation"]["object"]["kernel"].shape == (128 + 25, 64)


def test_contextual_features_are_mixed_into_the_token_input() -> None:
    params = shapes(SMALL, vocabs_of(SENTENCES).sizes._replace(feature_layers=3, feature_width=11))
    assert params["mix"]["weights"].shape == (3,)
    width = 2 * SMALL.char_lstm_dim + SMALL.word_dim + 11
    assert params["bsa_0"]["encoder"]["bilstm"]["gates"]["kernel"].shape[1] == width


@LABEL_DIMS
def test_tags_and_relations_are_scored_by_the_formulas(label_dim: int) -> None:
    model, params, potentials = compiled(label_dim)
    scores, mask = potentials(BATCH, BATCH.tags), jnp.asarray(BATCH.mask)
    h = jax.jit(functools.partial(model.apply, method="encode_inputs"))({"params": params}, BATCH)
    for name in ("bsa_0", "bsa_1"):
        h = BiLSTM(SMALL.lstm_dim).apply({"params": params[name]["encoder"]["bilstm"]}, h, mask)
    layer, tagging, scorer = (
        jax.tree.map(np.asarray, params[name]) for name in ("tag_layer", "tagging", "relation")
    )
    h = np.asarray(h)

    hidden = np.tanh(h @ layer["kernel"] + layer["bias"])
    emissions = hidden @ tagging["emissions"]["kernel"] + tagging["emissions"]["bias"]
    labels = np.asarray(params["label"]["embedding"])[BATCH.tags] if label_dim else h[:, :, :0]
    z = np.concatenate([h, labels], -1)
    subject, object_ = z @ scorer["subject"]["kernel"], z @ scorer["object"]["kernel"]
    relations = np.tanh(subject[:, :, None] + object_[:, None] + scorer["bias"]) @ scorer["output"]

    for b, n in enumerate(BATCH.mask.sum(1)):
        emissions[b, n - 1] += tagging["end"]
        close(scores.tagging.initial[b], emissions[b, 0] + tagging["start"])
        close(scores.tagging.pairwise[b, 1:n], emissions[b, 1:n, None] + tagging["transitions"])
        close(scores.relation_logits[b, :n, :n], relations[b, :n, :n])


@LABEL_DIMS
def test_labels_change_only_the_relations_of_their_own_tokens(label_dim: int) -> None:
    others = BATCH.tags.copy()
    others[0, 2] = 3
    first, second = (compiled(label_dim).potentials(BATCH, tags) for tags in (BATCH.tags, others))
    jax.tree.map(np.testing.assert_array_equal, first.tagging, second.tagging)
    expected = np.zeros(first.relation_logits.shape, bool)
    if label_dim:
        expected[0, 2, :] = expected[0, :, 2] = True
    np.testing.assert_array_equal(first.relation_logits != second.relation_logits, expected)


@LABEL_DIMS
def test_padding_changes_nothing(label_dim: int) -> None:
    potentials = compiled(label_dim).potentials
    larger = batch_of(length=16)
    garbage = larger._replace(
        word_ids=np.where(larger.mask, larger.word_ids, 3),
        char_rows=np.where(larger.mask, larger.char_rows, 2),
        tags=np.where(larger.mask, larger.tags, 4),
    )
    expected, actual = potentials(BATCH, BATCH.tags), potentials(garbage, garbage.tags)
    for b, n in enumerate(BATCH.mask.sum(1)):
        close(actual.tagging.initial[b], expected.tagging.initial[b])
        close(actual.tagging.pairwise[b, 1:n], expected.tagging.pairwise[b, 1:n])
        close(actual.relation_logits[b, :n, :n], expected.relation_logits[b, :n, :n])


@LABEL_DIMS
def test_one_adversarial_step_changes_every_parameter(label_dim: int) -> None:
    model, params, _ = compiled(label_dim)
    optimizer = make_optimizer(TrainingConfig())
    state = TrainState.start(params, optimizer)
    step = jax.jit(functools.partial(train_step, model, optimizer, Objective(0.05)))
    after, metrics = step(state, {}, jax.tree.map(jnp.asarray, BATCH), jax.random.key(0))
    for path, moved in jax.tree.leaves_with_path(jax.tree.map(lambda a, b: a != b, after.params, params)):
        assert moved.any(), jax.tree_util.keystr(path)
    assert metrics.adversarial_loss > 0


def close(actual: Any, expected: Any) -> None:
    """Asserts equality up to rounding."""
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)
