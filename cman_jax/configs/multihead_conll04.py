"""The baseline "Multi-head + AT" (Bekoulis et al., 2018) on CoNLL04; without AT: --config.training.alpha=0"""

from cman_jax.config import Config


def get_config() -> Config:
    """Returns the released settings, configs/CoNLL04/bio_config_adv of the baseline's code.

    That code takes sentences one by one, so a batch is one sentence, which one device computes. Pretrained
    vectors must be passed (--vectors); in that code they have 50 dimensions.

    Differs from the paper: initial values differ, unless `--config.model.init=glorot` makes them those of the
    baseline's code (docs/results/reproduction.md has the effect). Sentences are shuffled. Training takes 130
    epochs in any case; the baseline's code stops 40 epochs after the best epoch on dev (without AT: 30, and
    after at most 150).
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
