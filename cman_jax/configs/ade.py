"""CMAN on ADE with the paper's settings, a fold at a time: --data=data/ade/fold_0."""

from cman_jax.config import Config
from cman_jax.configs import conll04


def get_config() -> Config:
    """As on CoNLL04 but for dropout and radius, §4.1; scored as in Table 2, macro and by SpERT's rule."""
    config = conll04.get_config()
    config.model.lstm_dropout, config.training.alpha = 0.3, 0.001
    config.scoring.average, config.scoring.overlap = "macro", "drop"
    return config
