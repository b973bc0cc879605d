"""Tests of the training step: what it perturbs and what it updates."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cman_jax.config import TrainingConfig
from cman_jax.layers.products import in_precision
from cman_jax.model.cman import CMAN
from cman_jax.training.adversarial import perturbation
from cman_jax.training.losses import Objective, loss_terms
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState, train_step
from cman_jax.types import Batch
from experiments.benchmarking.flops import count_products
from tests.builders import (
    ABLATIONS,
    SENTENCES,
    SMALL_MODEL,
    STILL,
    batch_of,
    changed,
    network,
    quick_compilation,
    random_variables,
    vocabs_of,
)

ALPHA = 0.05
KEY = jax.random.key(0)


def on_device(batch: Batch) -> Batch:
    """Returns the batch as arrays of JAX."""
    return jax.tree.map(jnp.asarray, batch)


def start(model: CMAN, optimizer: optax.GradientTransformation) -> TrainState:
    """Returns a state with random parameters."""
    batch = on_device(batch_of())
    params = random_variables(model, batch, batch.tags, scale=0.3, train=False)["params"]
    return TrainState.start(params, optimizer)


def reference_gradient(model: CMAN, alpha: float, params: Any, batch: Batch) -> Any:
    """Returns the gradient of Eq. (14), with the perturbation from a pass of its own."""

    def loss(params: Any, eta: Any) -> jax.Array:
        module = model.bind({"params": params})
        inputs = module.encode_inputs(batch) + eta
        label_states = module.encode_labels(batch.tags, batch.mask)
        potentials = module.potentials(inputs, label_states, batch.mask, train=False)
        terms = loss_terms(potentials, batch, null_relation=True)
        return (terms.ner + terms.relation) / batch.mask.any(1).sum()

    zero = jnp.zeros_like(model.bind({"params": params}).encode_inputs(batch))
    eta = perturbation(jax.grad(loss, 1)(params, zero), batch.mask, alpha)
    return jax.grad(lambda p: loss(p, zero) + loss(p, eta))(params)


def test_the_update_follows_the_gradient_of_both_losses() -> None:
    """Shows the step's gradient by plain descent with rate 1; the batch has padding sentences and tokens."""
    model, optimizer = network(STILL), optax.sgd(1.0)
    batch = on_device(batch_of(SENTENCES, 8, 6))
    state = start(model, optimizer)
    after, _ = jax.jit(partial(train_step, model, optimizer, Objective(ALPHA)))(
        state, {}, batch, jax.random.key(0)
    )
    expected = jax.jit(partial(reference_gradient, model, ALPHA))(state.params, batch)
    moved = jax.tree.map(lambda before, now: before - now, state.params, after.params)
    for a, b in zip(jax.tree.leaves(moved), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_in_bfloat16_only_the_factors_of_products_are_rounded() -> None:
    """The parameters, the optimiser and the sums stay float32, so that both precisions differ little."""
    model, optimizer = network(changed(STILL, num_bsa=1)), make_optimizer(TrainingConfig())
    batch, state = on_device(batch_of(SENTENCES, 8, 6)), start(model, optimizer)
    found = {}
    for precision in ("float32", "bfloat16"):
        step = partial(in_precision(precision, train_step), model, optimizer, Objective(ALPHA))
        with quick_compilation():
            after, metrics = jax.jit(step)(state, {}, batch, KEY)
        assert {leaf.dtype.name for leaf in jax.tree.leaves(after)} == {"float32", "int32"}
        found[precision] = jnp.stack(metrics)
    np.testing.assert_allclose(found["bfloat16"], found["float32"], rtol=2e-2)
    assert not np.array_equal(found["bfloat16"], found["float32"])


@pytest.fixture(scope="module")
def dropping() -> tuple[TrainState, Callable]:
    """Returns a state and the compiled step of a network with dropout, whose gradient is clipped."""
    model, optimizer = network(SMALL_MODEL), make_optimizer(TrainingConfig(clip_norm=1.0))
    return start(model, optimizer), jax.jit(partial(train_step, model, optimizer, Objective(ALPHA)))


def test_dropout_follows_the_key_and_the_step_and_every_parameter_moves(
    dropping: tuple[TrainState, Callable],
) -> None:
    state, step = dropping
    batch = on_device(batch_of())
    after, metrics = step(state, {}, batch, jax.random.key(0))
    unmoved = jax.tree.map(lambda a, b: bool(jnp.all(a == b)), state.params, after.params)
    assert [jax.tree_util.keystr(path) for path, same in jax.tree.leaves_with_path(unmoved) if same] == []
    assert after.step == 1
    again, other_key, other_step = (
        step(state._replace(step=jnp.asarray(number)), {}, batch, jax.random.key(seed))[1]
        for seed, number in ((0, 0), (1, 0), (0, 1))
    )
    assert float(again.ner_loss) == float(metrics.ner_loss)
    assert len({float(m.ner_loss) for m in (metrics, other_key, other_step)}) == 3


def test_a_step_whose_loss_is_not_finite_changes_only_the_count_of_steps(
    dropping: tuple[TrainState, Callable],
) -> None:
    """Puts a NaN into the vector of one word: its sentences are skipped, and the others are learnt."""
    state, step = dropping
    whole, without = on_device(batch_of()), on_device(batch_of(SENTENCES[1:2], 8, 4))
    expected, _ = step(state, {}, without, jax.random.key(0))
    word = int(vocabs_of(SENTENCES).word_ids["Lovelace"])
    flat, tree = jax.tree.flatten_with_path(state.params)
    broken = [x.at[word].set(jnp.nan) if "word" in jax.tree_util.keystr(p) else x for p, x in flat]
    assert sum(bool(jnp.isnan(x).any()) for x in broken) == 1
    damaged = state._replace(params=jax.tree.unflatten(tree, broken))
    skipped, metrics = step(damaged, {}, whole, jax.random.key(0))
    assert not np.isfinite(metrics.ner_loss)
    assert skipped.step == 1
    for before, after in zip(
        jax.tree.leaves(damaged._replace(step=0)), jax.tree.leaves(skipped._replace(step=0)), strict=True
    ):
        np.testing.assert_array_equal(after, before)
    learnt, _ = step(damaged, {}, without, jax.random.key(0))
    for a, b in zip(jax.tree.leaves(learnt), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(jnp.where(jnp.isnan(a), 0, a), jnp.where(jnp.isnan(a), 0, b))


def test_both_passes_use_the_weight_of_gold_relations() -> None:
    shallow = changed(STILL, num_bsa=1, sequence_layer="mlp", **ABLATIONS["neither"])
    model, optimizer = network(shallow), optax.sgd(1.0)
    arguments = (start(model, optimizer), {}, on_device(batch_of()), jax.random.key(0))
    losses = []
    for objective in (Objective(1e-6), Objective(1e-6, positive_weight=3.0)):
        _, metrics = jax.jit(partial(train_step, model, optimizer, objective))(*arguments)
        both = metrics.ner_loss + metrics.relation_loss
        np.testing.assert_allclose(metrics.adversarial_loss, both, rtol=1e-3)
        losses.append(float(metrics.relation_loss))
    assert losses[1] > losses[0] + 1


def test_alpha_zero_leaves_the_second_pass_out() -> None:
    model, optimizer = network(STILL), optax.sgd(1.0)
    batch = on_device(batch_of())
    arguments = (start(model, optimizer), {}, batch, jax.random.key(0))
    one, both = (
        count_products(partial(train_step, model, optimizer, Objective(alpha)), *arguments).flops
        for alpha in (0.0, ALPHA)
    )
    assert 1.5 * one < both
