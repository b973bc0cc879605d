"""Tests of the step under jit and under pmap: the number of devices changes nothing."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import TrainingConfig
from cman_jax.data.batching import collate, encode
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.parallel import ParallelStep
from cman_jax.training.step import Metrics, TrainState, train_step
from cman_jax.types import Batch, Sentence
from tests.builders import SENTENCES, SMALL_DATA, STILL, changed, network, random_variables, vocabs_of

ALPHA = 0.05
# Devices can only change sums over sentences, so one layer without a scan over tokens is enough.
SHALLOW = changed(STILL, num_bsa=1, sequence_layer="mlp")
# Lengths differ, so that a mean of per-device means would be wrong.
EIGHT = tuple(Sentence(f"{k}-{s.id}", *s[1:]) for k in range(2) for s in SENTENCES)


def shards(sentences: Sequence[Sentence], num_devices: int) -> list[Batch]:
    """Returns the sentences in one batch per device."""
    vocabs = vocabs_of(SENTENCES)
    examples = [encode(sentence, vocabs) for sentence in sentences]
    size = len(examples) // num_devices
    return [collate(examples[k::num_devices], 8, SMALL_DATA, size, vocabs.sizes) for k in range(num_devices)]


def after_steps(num_devices: int, num_steps: int) -> tuple[TrainState, Metrics]:
    """Returns the state and the last metrics; there is no dropout, whose draws depend on the device."""
    model, optimizer = network(SHALLOW), make_optimizer(TrainingConfig(learning_rate=1e-2))
    key = jax.random.key(1)
    step = ParallelStep(partial(train_step, model, optimizer, ALPHA), {}, key, num_devices)
    batch = jax.tree.map(jnp.asarray, shards(EIGHT, 1)[0])
    params = random_variables(model, batch, batch.tags, scale=0.3, train=False)["params"]
    state = step.place([TrainState.start(params, optimizer)])
    for _ in range(num_steps):
        state, metrics = step(state, shards(EIGHT, num_devices))
    return step.fetch(state)[0], metrics


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


def test_more_devices_than_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="99 devices requested, but only 4 found"):
        ParallelStep(lambda *arguments: arguments, {}, jax.random.key(0), 99)
