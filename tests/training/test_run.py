"""A working directory is this run's or it is refused; the chosen epoch follows the protocol."""

import json
from pathlib import Path

import pytest

from cman_jax.config import Config
from cman_jax.data.errors import InputError
from cman_jax.training.run import chosen_epoch, open_run, read_metrics, write_metrics
from tests.builders import SENTENCES

SPLITS = {"train": SENTENCES, "dev": SENTENCES[:2]}


def config_with(**training: object) -> Config:
    config = Config()
    for name, value in training.items():
        setattr(config.training, name, value)
    return config


def test_a_run_is_found_again_with_its_vocabularies_and_vectors(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("London 1 2\nlived 3 4\nrare 5 6\n")
    config = Config()
    config.data.extra_words = 0
    made = open_run(config, SPLITS, tmp_path / "run", vectors)
    again = open_run(config, SPLITS, tmp_path / "run", vectors)
    assert again.vocabs == made.vocabs
    assert again.vocabs.words == ("London", "lived")
    assert (again.constants["word"]["vectors"] == made.constants["word"]["vectors"]).all()


def test_more_epochs_continue_a_run_and_other_settings_or_data_do_not(tmp_path: Path) -> None:
    open_run(config_with(num_epochs=2), SPLITS, tmp_path, None)
    assert open_run(config_with(num_epochs=5), SPLITS, tmp_path, None).config.training.num_epochs == 5
    with pytest.raises(InputError, match=r"found a run with training.seed = 0, expected 1"):
        open_run(config_with(seed=1), SPLITS, tmp_path, None)
    open_run(config_with(num_epochs=2, final_rate=0.1), SPLITS, tmp_path / "falling", None)
    with pytest.raises(InputError, match=r"found a run with training.num_epochs = 2, expected 5"):
        open_run(config_with(num_epochs=5, final_rate=0.1), SPLITS, tmp_path / "falling", None)
    with pytest.raises(InputError, match=r"data.json: found a run on other dev, expected"):
        open_run(Config(), {**SPLITS, "dev": SENTENCES[1:]}, tmp_path, None)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("London 1 2\n")
    with pytest.raises(InputError, match=r"data.json: found a run on other vectors"):
        open_run(Config(), SPLITS, tmp_path, vectors)


@pytest.mark.parametrize(
    ("damage", "found"),
    [('{"train"', "Expecting"), ("\xff", "'utf-8'"), ("[]", "a list")],
)
def test_damaged_digests_are_named(tmp_path: Path, damage: str, found: str) -> None:
    open_run(Config(), SPLITS, tmp_path, None)
    (tmp_path / "data.json").write_text(damage, encoding="latin-1")
    with pytest.raises(InputError, match=f"data.json: found {found}"):
        open_run(Config(), SPLITS, tmp_path, None)


def test_missing_vectors_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.txt: found no such file, expected word vectors"):
        open_run(Config(), SPLITS, tmp_path / "run", tmp_path / "nowhere.txt")


def test_the_chosen_epoch_is_the_first_best_on_dev_or_the_last(tmp_path: Path) -> None:
    rows = [{"epoch": i, "selection": s} for i, s in enumerate((10.0, 30.0, 30.0, 20.0), 1)]
    write_metrics(tmp_path, rows)
    assert chosen_epoch(tmp_path, config_with(protocol="dev"), range(1, 5)) == 2
    assert chosen_epoch(tmp_path, config_with(protocol="dev"), (1, 4)) == 4
    assert chosen_epoch(tmp_path, config_with(protocol="train+dev"), range(1, 5)) == 4
    assert chosen_epoch(tmp_path, config_with(protocol="train+dev"), (2, 3)) == 3


def test_metrics_come_back_and_damage_is_named(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    with pytest.raises(InputError, match="found no finished epoch"):
        chosen_epoch(tmp_path, Config(), (1,))
    write_metrics(tmp_path, [{"epoch": 1, "selection": 0.5}])
    assert read_metrics(tmp_path) == [{"epoch": 1, "selection": 0.5}]
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"epoch": 1}) + "\n{half")
    with pytest.raises(InputError, match="expected one JSON object a line"):
        read_metrics(tmp_path)
