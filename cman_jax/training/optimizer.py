"""Adam as in §4.1, with gradient clipping and a falling rate by option."""

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
        return optax.chain(optax.clip_by_global_norm(config.clip_norm), adam)
    return adam
