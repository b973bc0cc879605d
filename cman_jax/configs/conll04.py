"""CMAN on CoNLL04 with the paper's settings, words and characters only."""

from cman_jax.config import Config


def get_config() -> Config:
    """The defaults of `Config`, with gradient clipping.

    Differs from the paper: it names no clipping. Without it, training at the constant rate of 5e-4 goes well
    for about thirty epochs and is then thrown back again and again by steps of several times the usual
    gradient norm (about 50, in nats per sentence); see docs/results/conll04.
    """
    config = Config()
    config.training.clip_norm = 5.0
    return config
