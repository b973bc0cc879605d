"""Tests of the training of an encoder's upper layers: its gradients and files, alone and side by side."""

import dataclasses
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

pytest.importorskip("safetensors", reason="needs the extra encoders")
pytest.importorskip("tokenizers", reason="needs the extra encoders")

from cman_jax.config import Config, DataConfig, EncoderConfig, TrainingConfig
from cman_jax.encoders.encoder import encode_all
from cman_jax.encoders.load import load_encoder
from cman_jax.encoders.of_run import load_lower, pretrained_layers, trained_part
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System
from cman_jax.training.loop import Job, train, train_population
from cman_jax.training.losses import Objective
from cman_jax.training.step import TrainState, train_step
from cman_jax.types import Params
from experiments.faults import tiny_minilm
from tests.builders import SENTENCES, SMALL_MODEL, changed, quick_compilation, vocabs_of
from tests.training.test_step import ALPHA, on_device, reference_gradient

SPLITS = {"train": SENTENCES, "dev": SENTENCES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder of two layers."""
    return tiny_minilm.write(tmp_path_factory.mktemp("encoder") / "tiny")


def config_with(trained_layers: str, num_epochs: int = 2, **encoder: Any) -> Config:
    """Returns the config of a network that compiles fast, because training has no adversarial pass."""
    still = {"input_dropout": 0.0, "lstm_dropout": 0.0}
    model = changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1, label_attention=False, **still)
    training = TrainingConfig(num_epochs=num_epochs, batch_size=4, learning_rate=1e-2, alpha=0.0)
    layers = EncoderConfig(trained_layers, learning_rate=1e-2, **encoder)
    data = DataConfig(bucket_lengths=(32,), char_lengths=(12,), char_shares=(0.5,))  # one program
    return Config(model=model, data=data, training=training, encoder=layers)


def final_params(workdir: Path, system: System) -> Params:
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        return checkpoints.restore_params(max(checkpoints.epochs()), system.param_shapes())


def assert_equal(a: Params, b: Params, **tolerance: float) -> None:
    for (path, x), y in zip(jax.tree.leaves_with_path(a), jax.tree.leaves(b), strict=True):
        name = jax.tree_util.keystr(path)
        if not (tolerance["rtol"] and name.endswith("['key']['bias']")):  # its gradient is 0 up to rounding
            np.testing.assert_allclose(x, y, err_msg=name, **tolerance)


def test_the_update_follows_the_gradient_through_the_encoder(folder: Path) -> None:
    """Compares plain descent with rate 1 with a gradient that is computed without the step."""
    config = config_with("all", dropout=0.0, remat=True)
    lower = load_lower(folder, config.encoder)
    trained = trained_part(lower, config.encoder)
    system = System.build(config, vocabs_of(SENTENCES), None, lower.spec, trained)
    batch = on_device(system.collate(encode_all(SENTENCES, system.vocabs, lower), 24, 5))
    params = system.init_params(jax.random.key(0))
    params = {**params, "encoder": pretrained_layers(lower, trained.upper)}
    assert list(params["encoder"]) == ["layer_00", "layer_01"]
    optimizer = optax.sgd(1.0)
    state = TrainState.start(params, optimizer)
    with quick_compilation():
        step = jax.jit(partial(train_step, system.model, optimizer, Objective(ALPHA)))
        after, _ = step(state, {}, batch, jax.random.key(0))
        expected = jax.jit(partial(reference_gradient, system.model, ALPHA))(params, batch)
    moved = jax.tree.map(lambda before, now: before - now, params, after.params)
    assert_equal(moved, expected, rtol=1e-3, atol=1e-5)
    largest = [jnp.abs(each).max() for each in jax.tree.leaves(expected["encoder"])]
    assert sorted(map(float, largest))[len(largest) // 4] > 1e-3


def test_a_resumed_training_has_the_same_bits_and_the_run_needs_no_other_files(
    folder: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(folder, tmp_path / "copied")
    config = config_with("1", num_epochs=3, warmup=0.25)
    with quick_compilation():
        whole = train(config, SPLITS, tmp_path / "whole", encoder=load_lower(copied, config.encoder))
        expected = final_params(tmp_path / "whole", whole)
        shutil.copytree(tmp_path / "whole", tmp_path / "cut")
        shutil.rmtree(tmp_path / "cut" / "checkpoints" / "3")
        resumed = train(config, SPLITS, tmp_path / "cut", encoder=load_lower(copied, config.encoder))
        assert_equal(final_params(tmp_path / "cut", resumed), expected, rtol=0, atol=0)
        shutil.rmtree(copied)
        with pytest.raises(InputError, match="loaded to train 2 of its layers, expected one for 1"):
            Extractor.as_configured(tmp_path / "whole", encoder=load_lower(folder, EncoderConfig("all")))
        with pytest.raises(InputError, match="found 1 without an encoder that `load_lower` has loaded"):
            train(config, SPLITS, tmp_path / "whole", encoder=load_encoder(folder))
        extractor = Extractor.as_configured(tmp_path / "whole")
        scores = extractor.score(SENTENCES, extractor.annotate(SENTENCES))
    assert sorted(path.name for path in (tmp_path / "whole" / "encoder").iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    row = next(row for row in read_metrics(tmp_path / "whole") if row["epoch"] == extractor.epoch)
    assert (row["dev"]["ner"], row["dev"]["re"]) == (scores.f1("ner"), scores.f1("re"))


def test_a_run_on_several_devices_is_the_same_as_in_a_population(folder: Path, tmp_path: Path) -> None:
    config = config_with("all", num_epochs=1, dropout=0.0)
    lower = load_lower(folder, config.encoder)
    other = dataclasses.replace(config, training=dataclasses.replace(config.training, seed=1))
    jobs = [Job(config, SPLITS, tmp_path / "first"), Job(other, SPLITS, tmp_path / "second")]
    with quick_compilation():
        alone = train(config, SPLITS, tmp_path / "alone", encoder=lower, num_devices=2)
        train_population(jobs, encoder=lower)
    of_alone, first, second = (final_params(tmp_path / name, alone) for name in ("alone", "first", "second"))
    assert_equal(of_alone, first, rtol=1e-3, atol=1e-4)
    kernels = [params["encoder"]["layer_00"]["inner"]["kernel"] for params in (first, second)]
    assert not np.allclose(*kernels)


def test_what_cannot_be_trained_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found 3 trained layers, expected at most 2, or all"):
        load_lower(folder, EncoderConfig("3"))
    with pytest.raises(InputError, match="expected minilm or mpnet, or a folder of BERT's family, whose"):
        load_lower(tmp_path, EncoderConfig("1"))
    for encoder in (None, load_encoder(folder)):
        with pytest.raises(InputError, match="found 1 without an encoder that `load_lower` has loaded"):
            train(config_with("1"), SPLITS, tmp_path / "run", encoder=encoder)
    for lower, config, number in ((1, "0", 0), (1, "all", 2), (2, "1", 1)):
        encoder = load_lower(folder, EncoderConfig(str(lower)))
        message = f"loaded to train {lower} of its layers, expected one for {number}, as the config says"
        with pytest.raises(InputError, match=message):
            train(config_with(config), SPLITS, tmp_path / "run", encoder=encoder)
    assert not (tmp_path / "run" / "config.json").exists()
