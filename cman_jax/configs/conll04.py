"""CMAN on CoNLL04 with the paper's settings, on words and characters only."""

from cman_jax.config import Config


def get_config() -> Config:
    """Returns the defaults of `Config`, with gradient clipping.

    Differs from the paper: the paper mentions no clipping. Without clipping, training at the constant rate of
    5e-4 works for about thirty epochs. Later, steps of several times the usual gradient norm (about 50, in
    nats per sentence) set it back again and again; see docs/results/conll04/LOG.md.
    """
    config = Config()
    config.training.clip_norm = 5.0
    return config
