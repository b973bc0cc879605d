"""CMAN on ADE with the paper's settings, one fold at a time: --data=data/ade/fold_0."""

from cman_jax.config import Config
from cman_jax.configs import conll04


def get_config() -> Config:
    """Returns the config of CoNLL04 with the dropout and the radius of ADE, §4.1.

    Scores are macro averages under SpERT's overlap rule, as in Table 2.
    """
    config = conll04.get_config()
    config.model.lstm_dropout, config.training.alpha = 0.3, 0.001
    config.scoring.average, config.scoring.overlap = "macro", "drop"
    return config
