"""Adam as in §4.1, optionally with gradient clipping and a falling learning rate."""

import optax

from cman_jax.config import TrainingConfig


def make_optimizer(config: TrainingConfig, num_sentences: int = 0) -> optax.GradientTransformation:
    """Returns Adam; with `clip_norm` > 0, the global gradient norm is first clipped to it.

    Args:
      config: contains the learning rates and the clipping.
      num_sentences: number of training sentences per epoch, which sets how fast the rate falls if
        `final_rate` < 1.
    """
    rate = config.learning_rate
    if config.final_rate < 1:
        steps = config.num_epochs * -(-num_sentences // config.batch_size)
        rate = optax.linear_schedule(rate, rate * config.final_rate, steps)
    adam = optax.adam(rate)
    if config.clip_norm > 0:
        # One factor for all numbers. `optax.clip_by_global_norm` selects and divides number by number, which
        # takes four more passes over main memory on the CPU.
        clip = optax.stateless(lambda tree, _: optax.projections.projection_l2_ball(tree, config.clip_norm))
        return optax.chain(clip, adam)
    return adam
