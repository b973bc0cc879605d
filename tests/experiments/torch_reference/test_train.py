"""Tests of the twin's training loop: the annotations of JAX from the same parameters, one row per epoch."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.data.stored import summaries_of

pytest.importorskip("torch")

from cman_jax.config import Config
from cman_jax.configs.generated import get_config
from cman_jax.data.batching import encode
from cman_jax.errors import InputError
from cman_jax.inference.predict import Predictor
from cman_jax.run.system import System
from cman_jax.training.open_run import open_run
from cman_jax.training.progress import Progress
from cman_jax.types import Params
from data_prep.generated.corpus import generate_splits
from experiments.torch_reference.train import annotate, make_network, train
from tests.builders import quick_compilation

SPLITS = generate_splits({"train": 12, "dev": 6})


def tiny_config() -> Config:
    config = get_config()
    model = config.model
    model.char_dim = model.char_lstm_dim = model.word_dim = model.lstm_dim = model.scorer_dim = 8
    model.sequence_layer, model.num_bsa, config.training.alpha = "mlp", 1, 0.0
    config.data.bucket_lengths, config.training.batch_size, config.training.num_epochs = (64,), 4, 2
    config.decoding.threshold = 0.0  # predicts every relation, so that all probabilities are compared
    return config


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> tuple[System, Params]:
    system = open_run(tiny_config(), summaries_of(SPLITS), tmp_path_factory.mktemp("run"), None)
    return system, system.init_params(jax.random.key(0))


def test_the_same_parameters_give_the_same_annotations(start: tuple[System, Params]) -> None:
    system, params = start
    examples = [encode(sentence, system.vocabs) for sentence in SPLITS["dev"]]
    with quick_compilation():
        ours = Predictor(system)(params, examples)
    assert all(annotation.relations for annotation in ours)
    network = make_network(system, params)
    for distinct_words in (False, True):
        theirs = annotate(network, system, examples, distinct_words=distinct_words)
        assert [(a.entities, a.relations) for a in theirs] == [(a.entities, a.relations) for a in ours]
        for a, b in zip(theirs, ours, strict=True):
            np.testing.assert_allclose(a.relation_prob, b.relation_prob, atol=1e-5)


def test_a_network_without_a_twin_is_refused(start: tuple[System, Params]) -> None:
    config = tiny_config()
    config.model.network = "multihead"
    with pytest.raises(InputError, match="found network 'multihead', expected 'cman'"):
        make_network(start[0]._replace(config=config), start[1])
    config = tiny_config()
    config.training.positive_weight = 2.0
    with pytest.raises(InputError, match=r"found training\.positive_weight 2\.0, expected 1, because"):
        make_network(start[0]._replace(config=config), start[1])


def test_training_reports_every_epoch_and_writes_a_checkpoint(
    start: tuple[System, Params], tmp_path: Path
) -> None:
    class Rows(Progress):
        rows: list[dict[str, Any]]

        def end_epoch(self, rows: list[dict[str, Any]]) -> None:
            self.rows = rows

    progress = Rows()
    train(tiny_config(), SPLITS, tmp_path / "torch", start[1], progress=progress)
    assert [row["epoch"] for row in progress.rows] == [1, 2]
    assert progress.rows[1]["ner_loss"] < progress.rows[0]["ner_loss"]
    assert set(progress.rows[1]["dev"]) == {"ner", "re"}
    assert (tmp_path / "torch" / "checkpoint.pt").stat().st_size > 0
