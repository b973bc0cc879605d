"""Tests of Adam against its paper, and of the clipping before it."""

from collections.abc import Iterator

import numpy as np
import optax
import pytest

from cman_jax.config import EncoderConfig, TrainingConfig
from cman_jax.training.optimizer import make_optimizer
from tests import oracles
from tests.builders import normal

GRADIENTS = normal(0, 6, 3) * np.array([[3, 0.1, 10, 0.01, 5, 1]], np.float32).T


def updates(config: TrainingConfig, num_sentences: int = 0) -> Iterator[dict[str, np.ndarray]]:
    """Yields what the optimiser adds to two parameters at each step."""
    optimizer = make_optimizer(config, num_sentences)
    params = {"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)}
    state = optimizer.init(params)
    for gradient in GRADIENTS:
        step, state = optimizer.update({"a": gradient[:2], "b": gradient[2:]}, state, params)
        params = optax.apply_updates(params, step)
        yield step


def assert_steps(config: TrainingConfig, gradients: np.ndarray) -> None:
    """Checks the steps of a config against Adam on these gradients."""
    for actual, expected in zip(updates(config), oracles.adam(gradients, config.learning_rate), strict=True):
        np.testing.assert_allclose(np.concatenate([actual["a"], actual["b"]]), expected, rtol=1e-4)


@pytest.mark.parametrize("learning_rate", [5e-4, 1e-2])
def test_steps_are_those_of_adam_with_a_constant_rate(learning_rate: float) -> None:
    assert_steps(TrainingConfig(learning_rate=learning_rate), GRADIENTS)


def test_clipping_cuts_the_norm_over_all_parameters_before_adam() -> None:
    norms = np.linalg.norm(GRADIENTS, axis=1, keepdims=True)
    assert (norms > 1).any()
    assert (norms < 1).any()
    assert_steps(TrainingConfig(clip_norm=1.0), GRADIENTS / np.maximum(norms, 1))


def test_the_rate_falls_linearly_over_all_steps_of_all_epochs() -> None:
    config = TrainingConfig(learning_rate=1e-2, final_rate=0.25, num_epochs=2, batch_size=4)
    shares = np.linspace(1, 0.25, 7)[:6]  # three batches per epoch, the last one not full
    adam = oracles.adam(GRADIENTS, config.learning_rate)
    for step, share, expected in zip(updates(config, num_sentences=11), shares, adam, strict=True):
        np.testing.assert_allclose(np.concatenate([step["a"], step["b"]]), share * expected, rtol=1e-4)


def test_layers_have_adamw_with_a_warm_up_and_lower_rates_further_down() -> None:
    layers = EncoderConfig(learning_rate=0.02, warmup=0.5, layer_decay=0.5, weight_decay=0.1, clip_norm=0.0)
    training = TrainingConfig(learning_rate=1e-2, num_epochs=2, batch_size=4)
    optimizer = make_optimizer(training, 11, layers)  # three batches per epoch
    tree = {f"layer_{i}": {"kernel": GRADIENTS[:1, :2] + i, "bias": GRADIENTS[0, 2:] + i} for i in range(2)}
    params = {"network": GRADIENTS[0, :1], "encoder": tree}
    state = optimizer.init(params)
    rates = [0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]
    direction = oracles.adam(GRADIENTS, 1.0)
    own = oracles.adam(GRADIENTS[:, :1], training.learning_rate)
    for gradient, share, step, of_network in zip(GRADIENTS, rates, direction, own, strict=True):
        part = {"kernel": gradient[None, :2], "bias": gradient[2:]}
        gradients = {"network": gradient[:1], "encoder": {"layer_0": part, "layer_1": part}}
        found, state = optimizer.update(gradients, state, params)
        np.testing.assert_allclose(found["network"], of_network, rtol=1e-4)
        for name, factor in (("layer_0", 0.5), ("layer_1", 1.0)):
            rate = 0.02 * share * factor
            kernel = rate * (step[:2] - 0.1 * params["encoder"][name]["kernel"][0])
            np.testing.assert_allclose(found["encoder"][name]["kernel"][0], kernel, rtol=1e-4, atol=1e-9)
            np.testing.assert_allclose(found["encoder"][name]["bias"], rate * step[2:], rtol=1e-4, atol=1e-9)
        params = optax.apply_updates(params, found)


def test_clipping_of_the_layers_does_not_read_the_gradient_of_the_network() -> None:
    tree = {"layer_0": {"bias": np.zeros(3, np.float32)}}
    params = {"network": np.zeros(1, np.float32), "encoder": tree}
    optimizer = make_optimizer(TrainingConfig(), 8, EncoderConfig(warmup=0.0, clip_norm=1.0))
    found = []
    for scale in (1.0, 1e3):
        state = optimizer.init(params)
        for gradient in GRADIENTS * np.array([[1]] * 5 + [[10]], np.float32):
            gradients = {"network": scale * gradient[:1], "encoder": {"layer_0": {"bias": gradient}}}
            updates, state = optimizer.update(gradients, state, params)
        found.append(updates["encoder"]["layer_0"]["bias"])
    np.testing.assert_array_equal(*found)
