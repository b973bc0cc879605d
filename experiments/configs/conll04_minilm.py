"""CMAN on CoNLL04 with contextual features of MiniLM in the place of the paper's ELMo: --encoder=minilm."""

from cman_jax.config import Config
from experiments.configs import conll04


def get_config() -> Config:
    """The settings of `conll04`."""
    return conll04.get_config()
