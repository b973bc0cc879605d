"""The baseline "Multi-head + AT" (Bekoulis et al., 2018) on CoNLL04; without AT: --config.training.alpha=0"""

from cman_jax.config import Config


def get_config() -> Config:
    """The released settings, configs/CoNLL04/bio_config_adv of its code, which takes sentences one by one.

    The vectors are to be given (--vectors), 50-dimensional there. As a batch of one sentence cannot be shared
    between devices, a machine with several needs --num_devices=1.

    Differs from the paper: in initial values, which `--config.model.init=glorot` makes those of its code
    (docs/reproduction.md has what they change); sentences are shuffled, and there are always 130 epochs;
    its code stops 40 after the best on dev (30, and at most 150, without AT).
    """
    config = Config()
    model, training = config.model, config.training
    model.network, model.self_attention, model.label_attention = "multihead", False, False
    model.char_dim = model.char_lstm_dim = 25
    model.lstm_dim, model.num_bsa, model.scorer_dim, model.label_dim = 64, 3, 64, 0
    model.crf, model.relation_scorer = "factored", "shared"
    model.input_dropout = model.lstm_dropout = 0.1
    training.num_epochs, training.batch_size, training.learning_rate = 130, 1, 1e-3
    training.alpha = 0.01
    return config
