"""The training step: what it perturbs, what it updates, and that devices change nothing."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cman_jax.config import TrainingConfig
from cman_jax.data.batching import collate, encode
from cman_jax.model.cman import CMAN
from cman_jax.training.adversarial import perturbation
from cman_jax.training.losses import loss_terms
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import ParallelStep
from cman_jax.training.step import Metrics, TrainState, train_step
from cman_jax.types import Batch, Sentence
from tests.builders import (
    SENTENCES,
    SMALL_DATA,
    SMALL_MODEL,
    batch_of,
    network,
    random_variables,
    vocabs_of,
)

ALPHA = 0.05
STILL = dataclasses.replace(SMALL_MODEL, input_dropout=0.0, lstm_dropout=0.0)
# Lengths differ, so that a mean of per-device means would be wrong.
EIGHT = tuple(Sentence(f"{k}-{s.id}", *s[1:]) for k in range(2) for s in SENTENCES)


def shards(sentences: Sequence[Sentence], num_devices: int) -> list[Batch]:
    vocabs = vocabs_of(SENTENCES)
    examples = [encode(sentence, vocabs) for sentence in sentences]
    size = len(examples) // num_devices
    return [collate(examples[k::num_devices], 8, SMALL_DATA, size, vocabs.sizes) for k in range(num_devices)]


def on_device(batch: Batch) -> Batch:
    return jax.tree.map(jnp.asarray, batch)


def start(model: CMAN, optimizer: optax.GradientTransformation) -> TrainState:
    batch = on_device(shards(EIGHT, 1)[0])
    params = random_variables(model, batch, batch.tags, scale=0.3, train=False)["params"]
    return TrainState(jnp.zeros((), jnp.int32), params, optimizer.init(params))


def after_steps(num_devices: int, num_steps: int) -> tuple[TrainState, Metrics]:
    """Without dropout, whose draws depend on the device."""
    model, optimizer = network(STILL), make_optimizer(TrainingConfig(learning_rate=1e-2))
    step = ParallelStep(partial(train_step, model, optimizer, ALPHA), {}, num_devices)
    state = step.place(start(model, optimizer))
    for _ in range(num_steps):
        state, metrics = step(state, shards(EIGHT, num_devices), jax.random.key(1))
    return step.fetch(state), metrics


@pytest.fixture(scope="module")
def one_device() -> tuple[TrainState, Metrics]:
    return after_steps(1, 10)


@pytest.mark.parametrize("num_devices", [2, 4])
def test_ten_steps_on_several_devices_equal_those_on_one(
    one_device: tuple[TrainState, Metrics], num_devices: int
) -> None:
    several = after_steps(num_devices, 10)
    assert several[1].num_sentences == one_device[1].num_sentences == 8
    for a, b in zip(jax.tree.leaves(several), jax.tree.leaves(one_device), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_asking_for_more_devices_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="99 devices asked for, 4 there"):
        ParallelStep(lambda *arguments: arguments, {}, 99)


def reference_gradient(model: CMAN, alpha: float, params: Any, batch: Batch) -> Any:
    """Eq. (14) spelt out: the perturbation from a pass of its own, then the gradient of both losses."""

    def loss(params: Any, eta: Any) -> jax.Array:
        module = model.bind({"params": params})
        inputs = module.encode_inputs(batch) + eta
        memories = module.encode_labels(batch.tags, batch.mask)
        potentials = module.potentials(inputs, memories, batch.mask, train=False)
        terms = loss_terms(potentials, batch, null_relation=True)
        return (terms.ner + terms.relation) / terms.num_sentences

    zero = jnp.zeros_like(model.bind({"params": params}).encode_inputs(batch))
    eta = perturbation(jax.grad(loss, 1)(params, zero), batch.mask, alpha)
    return jax.grad(lambda p: loss(p, zero) + loss(p, eta))(params)


def test_the_update_follows_the_gradient_of_both_losses() -> None:
    """Plain descent by 1 shows the step's gradient; padding sentences and tokens are in the batch."""
    model, optimizer = network(STILL), optax.sgd(1.0)
    batch = on_device(batch_of(SENTENCES, 8, 6))
    state = start(model, optimizer)
    after, _ = jax.jit(partial(train_step, model, optimizer, ALPHA))(state, {}, batch, jax.random.key(0))
    expected = jax.jit(partial(reference_gradient, model, ALPHA))(state.params, batch)
    moved = jax.tree.map(lambda before, now: before - now, state.params, after.params)
    for a, b in zip(jax.tree.leaves(moved), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_dropout_follows_the_key_and_the_step_and_every_parameter_moves() -> None:
    model, optimizer = network(SMALL_MODEL), make_optimizer(TrainingConfig())
    batch = on_device(shards(EIGHT, 1)[0])
    state = start(model, optimizer)
    step: Callable = jax.jit(partial(train_step, model, optimizer, ALPHA))
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


def test_alpha_zero_leaves_the_second_pass_out() -> None:
    model, optimizer = network(STILL), optax.sgd(1.0)
    batch = on_device(shards(EIGHT, 1)[0])
    trace = jax.make_jaxpr(partial(train_step, model, optimizer, 0.0))
    both = jax.make_jaxpr(partial(train_step, model, optimizer, ALPHA))
    arguments = (start(model, optimizer), {}, batch, jax.random.key(0))
    assert 1.5 * str(trace(*arguments)).count("dot_general") < str(both(*arguments)).count("dot_general")
