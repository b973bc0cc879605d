"""Tests of the baseline in training and prediction, whose code is the same as for CMAN."""

from pathlib import Path

import pytest

from cman_jax.config import Config
from cman_jax.inference.extractor import Extractor
from cman_jax.run.record import read_metrics
from cman_jax.training.loop import train
from cman_jax.training.member import dev_scores
from tests.builders import SENTENCES, tiny_config
from tests.fake_encoder import FakeEncoder

SPLITS = {"train": SENTENCES, "dev": SENTENCES[:3]}


def config_of(num_epochs: int) -> Config:
    """Returns a small config of the baseline."""
    config = tiny_config()
    config.model.feature_dim, config.training.num_epochs = 4, num_epochs
    return config


def test_it_trains_on_contextual_features_resumes_and_predicts_what_was_scored(tmp_path: Path) -> None:
    for num_epochs in (2, 8):
        train(config_of(num_epochs), SPLITS, tmp_path, encoder=FakeEncoder())
    extractor = Extractor.load(tmp_path, encoder=FakeEncoder())
    annotations = extractor.annotate(SPLITS["dev"])
    assert sum(extractor.layer_shares) == pytest.approx(1, abs=0.1)  # as at the start of training, or near it
    assert len(set(extractor.layer_shares)) == FakeEncoder().spec.num_layers
    rows = read_metrics(tmp_path)
    assert [row["epoch"] for row in rows] == list(range(1, 9))
    assert rows[-1]["ner_loss"] + rows[-1]["relation_loss"] < rows[0]["ner_loss"] + rows[0]["relation_loss"]
    scores = dev_scores(extractor.system, SPLITS["dev"], annotations)
    assert scores.items() <= rows[extractor.epoch - 1].items()
