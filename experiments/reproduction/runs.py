"""From a row of a table to its runs: settings under a budget, folders, commands."""

import importlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from cman_jax.config import Config, differences
from cman_jax.config_checks import validate
from cman_jax.configs import conll04_minilm
from data_prep.ade import NUM_FOLDS
from experiments.reproduction.rows import Corpus, Row

Budget = Literal["quick", "short", "full"]
BUDGETS: Mapping[Budget, str] = {
    "quick": "a smoke test of the whole way on a few short sentences: its numbers mean nothing",
    "short": "20 epochs, the learning rate falling from 1e-3 to 5e-5, input dropout of 0.4 with contextual "
    "features, and 10 epochs of ADE with trained layers: what a CPU can do",
    "full": "the paper's epochs and learning rates",
}
QUICK_FOLDS = 2
QUICK_LENGTH = 64
"""Tokens to which all of the quick budget's sentences are padded, so that each network has one shape."""


class Setup(NamedTuple):
    """The settings that all runs share."""

    workdir: Path
    budget: Budget
    num_seeds: int
    corpora: Mapping[Corpus, Path]  # a folder of splits; of ADE, one of folds
    vectors: Path | None = None
    features: Path | None = None  # stored contextual features
    encoder: str | None = None  # the encoder whose layers are trained


class Run(NamedTuple):
    """One training."""

    row: Row
    index: int  # seed, or fold
    config: Config
    data: Path
    workdir: Path


def runs_of(row: Row, setup: Setup) -> list[Run]:
    """Returns one run for each seed; on ADE, one for each fold, all with seed 0."""
    root, data = setup.workdir / "runs" / setup.budget / row.name, setup.corpora[row.corpus]
    if row.corpus == "ade":
        folds = QUICK_FOLDS if setup.budget == "quick" else NUM_FOLDS
        names = [f"fold_{k}" for k in range(folds)]
        return [
            Run(row, k, config_of(row, setup.budget), data / name, root / name)
            for k, name in enumerate(names)
        ]
    return [
        Run(row, seed, config_of(row, setup.budget, seed), data, root / f"seed_{seed}")
        for seed in range(setup.num_seeds)
    ]


def config_of(row: Row, budget: Budget, seed: int = 0) -> Config:
    """Returns the row's settings within the budget."""
    config = _file_config(row)
    for name, value in row.overrides.items():
        section, field = name.split(".")
        setattr(getattr(config, section), field, value)
    config.training.seed = seed
    if budget == "quick":
        _make_quick(config)
    elif budget == "short":
        _make_short(config, row)
    validate(config)
    return config


def _file_config(row: Row) -> Config:
    return importlib.import_module(f"cman_jax.configs.{row.config}").get_config()


def _make_quick(config: Config) -> None:
    """Sets small widths, one layer and one shape, so that there is little to compile and to compute."""
    model, data, training = config.model, config.data, config.training
    model.char_dim = model.char_lstm_dim = model.word_dim = model.scorer_dim = 8
    model.lstm_dim, model.num_bsa = 16, 1
    data.bucket_lengths, data.char_lengths, data.char_shares = (QUICK_LENGTH,), (16,), (1.0,)
    training.num_epochs, training.batch_size = 2, 16


def _make_short(config: Config, row: Row) -> None:
    """Sets epochs, rates and, with an encoder, dropout as tuned with MiniLM; the batch size is unchanged."""
    tuned = conll04_minilm.get_config()
    if row.input != "words":
        config.model.input_dropout = tuned.model.input_dropout
    for name in ("num_epochs", "learning_rate", "final_rate"):
        setattr(config.training, name, getattr(tuned.training, name))
    if (row.corpus, row.input) == ("ade", "layers"):  # an epoch of ADE has 3.6 times the sentences
        config.training.num_epochs = 10


def train_command(run: Run, setup: Setup) -> str:
    """Returns the command that trains and scores a run, with the settings that its config file lacks."""
    inputs = [f"--vectors={setup.vectors}"] if setup.vectors else []
    if run.row.features:
        inputs += [f"--features={setup.features}"] if setup.features else _ENCODER
    elif run.row.input == "layers":
        inputs += [f"--encoder={setup.encoder or 'minilm'}"]
    settings = differences(_file_config(run.row), run.config)
    return shlex.join(
        [
            *("python", "-m", "experiments.train"),
            f"--config={run.row.config}",
            *(f"--data={run.data}", f"--workdir={run.workdir}", "--num_devices=1"),
            *inputs,
            *(f"--config.{name}={value}" for name, _, value in settings),
        ]
    )


_ENCODER = ["--encoder=elmo"]
"""The folder of the paper's encoder, where no features were given."""


def gold_labels_command(run: Run, setup: Setup) -> str:
    """Returns the command that scores finished runs with gold labels (Table 3)."""
    inputs = [f"--features={setup.features}"] if run.row.features and setup.features else []
    choice = [f"--budget={setup.budget}", f"--seeds={setup.num_seeds}", "--notrain"]
    places = [f"--workdir={setup.workdir}", f"--data={run.data}"]
    return shlex.join(["python", "-m", "experiments.reproduce", "--what=table3", *choice, *places, *inputs])
