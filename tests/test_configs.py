"""Every experiment file gives a valid config, and its values reach the command line by name."""

import importlib.util
from pathlib import Path

import pytest

from cman_jax.config import Config, to_dict
from cman_jax.config_checks import from_dict, validate

FILES = sorted(
    path
    for package in ("cman_jax", "experiments")
    for path in (Path(__file__).parents[1] / package / "configs").glob("[!_]*.py")
)


def load(path: Path) -> Config:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_config_file_is_valid_and_survives_its_file_form(path: Path) -> None:
    config = load(path)
    validate(config)
    assert from_dict(to_dict(config)) == config


def test_conll04_has_the_settings_of_the_paper() -> None:
    config = load(next(path for path in FILES if path.stem == "conll04"))
    assert (config.model.lstm_dim, config.model.num_bsa, config.model.label_dim, config.model.char_dim) == (
        128,
        2,
        25,
        128,
    )
    assert (config.model.input_dropout, config.model.lstm_dropout) == (0.2, 0.1)
    assert (config.training.learning_rate, config.training.num_epochs) == (5e-4, 180)
    assert config.training.alpha == 0.01


def test_ade_is_trained_as_the_paper_says_and_scored_by_sperts_rule() -> None:
    for name, dropout in (("ade", 0.3), ("multihead_ade", 0.1)):
        config = load(next(path for path in FILES if path.stem == name))
        assert (config.model.lstm_dropout, config.training.alpha) == (dropout, 0.001)
        assert (config.scoring.average, config.scoring.overlap) == ("macro", "drop")
