"""The baseline "Multi-head + AT" (Bekoulis et al., 2018) on ADE, one fold at a time."""

from cman_jax.config import Config
from cman_jax.configs import ade, multihead_conll04


def get_config() -> Config:
    """Returns the config of the baseline on CoNLL04, with CMAN's batch size, radius and scoring on ADE.

    The released settings of the baseline do not mention these three.
    """
    config, cman = multihead_conll04.get_config(), ade.get_config()
    config.training.batch_size, config.training.alpha = cman.training.batch_size, cman.training.alpha
    config.scoring = cman.scoring
    return config
