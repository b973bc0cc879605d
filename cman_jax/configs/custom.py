"""CMAN for an own corpus: the paper's network with a schedule that ends, the default of `cman train`."""

from cman_jax.config import Config


def get_config() -> Config:
    """Returns the paper's network with 30 epochs of a falling learning rate.

    Differs from the paper: 180 epochs at a constant rate there. The falling rate reaches the same scores on
    CoNLL04 in 20 epochs; see docs/results/conll04/LOG.md. Small corpora need a few more.
    """
    config = Config()
    training = config.training
    training.num_epochs, training.learning_rate, training.final_rate = 30, 1e-3, 0.05
    training.clip_norm = 5.0
    return config
