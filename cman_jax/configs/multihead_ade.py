"""The baseline "Multi-head + AT" (Bekoulis et al., 2018) on ADE, a fold at a time."""

from cman_jax.config import Config
from cman_jax.configs import ade, multihead_conll04


def get_config() -> Config:
    """As on CoNLL04; what the released settings say nothing of (batch, radius, scoring) is as for CMAN."""
    config, cman = multihead_conll04.get_config(), ade.get_config()
    config.training.batch_size, config.training.alpha = cman.training.batch_size, cman.training.alpha
    config.scoring = cman.scoring
    return config
