"""The baseline as its released code trains it on CoNLL04: from Glorot-uniform values, on train+dev."""

from cman_jax.config import Config
from cman_jax.configs import multihead_conll04


def get_config() -> Config:
    """Returns the config of the row "released start" of docs/results/reproduction.md."""
    config = multihead_conll04.get_config()
    config.model.init = "glorot"
    config.training.protocol, config.training.num_epochs = "train+dev", 45
    return config
