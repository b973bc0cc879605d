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
        # One factor for all numbers; `optax.clip_by_global_norm` divides each by the norm, or not, which on
        # the CPU takes four more passes over main memory.
        clip = optax.stateless(lambda tree, _: optax.projections.projection_l2_ball(tree, config.clip_norm))
        return optax.chain(clip, adam)
    return adam
