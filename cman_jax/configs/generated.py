"""A small CMAN for the generated corpus, trained in minutes on two CPU cores without pretrained vectors."""

from cman_jax.config import Config


def get_config() -> Config:
    """Returns a config with smaller widths, a larger learning rate and fewer epochs than the paper's."""
    config = Config()
    model, training = config.model, config.training
    model.char_dim = model.char_lstm_dim = model.word_dim = 32
    model.lstm_dim = model.scorer_dim = 64
    model.num_heads = 4
    config.data.bucket_lengths = (28, 60)
    training.num_epochs, training.batch_size, training.learning_rate = 10, 16, 2e-3
    training.clip_norm = 5.0
    return config
