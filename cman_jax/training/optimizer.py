"""Adam as in §4.1, with gradient clipping and a falling rate by option."""

import jax.numpy as jnp
import optax

from cman_jax.config import TrainingConfig


def make_optimizer(config: TrainingConfig, num_sentences: int = 0) -> optax.GradientTransformation:
    """Adam; `clip_norm` > 0 first cuts the global gradient norm to it.

    Args:
      num_sentences: trained on in every epoch; sets how fast the rate falls, where `final_rate` lets it.
    """
    rate = config.learning_rate
    if config.final_rate < 1:
        steps = config.num_epochs * -(-num_sentences // config.batch_size)
        rate = optax.linear_schedule(rate, rate * config.final_rate, steps)
    adam = optax.adam(rate)
    if config.clip_norm > 0:
        return optax.chain(_clip(config.clip_norm), adam)
    return adam


def _clip(max_norm: float) -> optax.GradientTransformation:
    """`optax.clip_by_global_norm`, but with one factor for all numbers.

    There each is divided by the norm, or not; on the CPU that takes four more passes over main memory.
    """

    def clip(gradients: optax.Updates, _: optax.Params | None) -> optax.Updates:
        return optax.tree.scale(jnp.minimum(1, max_norm / optax.tree.norm(gradients)), gradients)

    return optax.stateless(clip)
