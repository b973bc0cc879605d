"""CMAN on CoNLL04 with the paper's settings, words and characters only."""

from cman_jax.config import Config


def get_config() -> Config:
    """The defaults of `Config` are this experiment."""
    return Config()
