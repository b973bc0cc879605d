"""Adam as in §4.1, optionally with clipping and a falling learning rate; AdamW for an encoder's layers.

The optimisers take parameters as `training.vectors.as_vectors` returns them.
"""

import math
from typing import Any

import jax
import optax

from cman_jax.config import EncoderConfig, TrainingConfig
from cman_jax.types import Params


def make_optimizer(
    config: TrainingConfig, num_sentences: int = 0, encoder: EncoderConfig | None = None
) -> optax.GradientTransformation:
    """Returns Adam; with `clip_norm` > 0, the global gradient norm is first clipped to it.

    Args:
      config: contains the learning rates and the clipping.
      num_sentences: number of training sentences per epoch, which sets how fast learning rates change.
      encoder: the settings for the trained layers of an encoder, which have AdamW; None: there are none.
    """
    steps = config.num_epochs * steps_per_epoch(config, num_sentences)
    rate = config.learning_rate
    if config.final_rate < 1:
        rate = optax.linear_schedule(rate, rate * config.final_rate, steps)
    network = _clipped(config.clip_norm, optax.adam(rate))
    return network if encoder is None else _side_by_side(network, _for_layers(encoder, steps))


def steps_per_epoch(config: TrainingConfig, num_sentences: int) -> int:
    """Returns the number of batches of an epoch."""
    return math.ceil(num_sentences / config.batch_size)


def _clipped(norm: float, optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns the optimiser behind clipping of the global gradient norm; 0: without clipping."""
    if norm == 0:
        return optimizer
    # One factor for all numbers. `optax.clip_by_global_norm` selects and divides number by number, which
    # takes four more passes over main memory on the CPU.
    clip = optax.stateless(lambda tree, _: optax.projections.projection_l2_ball(tree, norm))
    return optax.chain(clip, optimizer)


def _for_layers(config: EncoderConfig, steps: int) -> optax.GradientTransformation:
    """Returns AdamW for the layers of an encoder (Loshchilov and Hutter, 2019), with a rate for each layer.

    The rate rises linearly to `learning_rate` during the share `warmup` of the steps, and then falls
    linearly to 0. A layer has `layer_decay` times the rate of the layer above (Howard and Ruder, 2018).

    Args:
      config: the rates, the decay of weights and the clipping.
      steps: number of steps of the whole training.
    """
    rising = round(config.warmup * steps)
    rate = optax.linear_schedule(config.learning_rate, 0.0, max(1, steps - rising))
    if rising:
        warmup = optax.linear_schedule(0.0, config.learning_rate, rising)
        rate = optax.join_schedules([warmup, rate], [rising])

    def only_matrices(layers: Params) -> Any:
        return jax.tree.map(lambda x: x.ndim > 1, layers)

    def by_depth(layers: Params, _: Any) -> Params:
        highest_first = sorted(layers, reverse=True)
        return {
            name: jax.tree.map(lambda x, depth=depth: x * config.layer_decay**depth, layers[name])
            for depth, name in enumerate(highest_first)
        }

    adamw = optax.chain(
        optax.scale_by_adam(),
        optax.add_decayed_weights(config.weight_decay, only_matrices),
        optax.stateless(by_depth),
        optax.scale_by_learning_rate(rate),
    )
    return _clipped(config.clip_norm, adamw)


def _side_by_side(
    network: optax.GradientTransformation, encoder: optax.GradientTransformation
) -> optax.GradientTransformation:
    """Returns an optimiser of both parts of `as_vectors`, each by its own optimiser."""
    parts = {"network": network, "encoder": encoder}

    def init(params: Any) -> Any:
        return {name: part.init(params[name]) for name, part in parts.items()}

    def update(gradients: Any, state: Any, params: Any) -> Any:
        pairs = {n: part.update(gradients[n], state[n], params[n]) for n, part in parts.items()}
        updates, states = ({n: pair[i] for n, pair in pairs.items()} for i in range(2))
        return updates, states

    return optax.GradientTransformation(init, update)
