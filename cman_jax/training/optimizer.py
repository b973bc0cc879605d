"""Adam as in §4.1, with gradient clipping by option."""

import optax

from cman_jax.config import TrainingConfig


def make_optimizer(config: TrainingConfig) -> optax.GradientTransformation:
    """Adam without schedule; `clip_norm` > 0 first cuts the global gradient norm to it."""
    adam = optax.adam(config.learning_rate)
    if config.clip_norm > 0:
        return optax.chain(optax.clip_by_global_norm(config.clip_norm), adam)
    return adam
