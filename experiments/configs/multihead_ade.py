"""The baseline "Multi-head + AT" (Bekoulis et al., 2018) on ADE, a fold at a time."""

from cman_jax.config import Config
from experiments.configs import ade, multihead_conll04


def get_config() -> Config:
    """As on CoNLL04, for which settings were released, with CMAN's radius and scoring for ADE."""
    config = multihead_conll04.get_config()
    config.training.alpha = 0.001
    config.scoring = ade.get_config().scoring
    return config
