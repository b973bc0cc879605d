"""Tests of rows, budgets and commands: the settings of a run, and that its command contains all of them."""

import re
import shlex
from pathlib import Path

import pytest
from absl import flags
from ml_collections import config_flags

from cman_jax.config import Config, differences
from cman_jax.configs import conll04_minilm
from experiments.reproduction.rows import ROWS, Input, rows_for
from experiments.reproduction.runs import BUDGETS, Run, Setup, config_of, runs_of, train_command
from experiments.reproduction.training import groups
from tests.experiments.reproduction.places import row_named

# ml_collections loads config files with a deprecated function of Python.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")

EVERY_ROW = {row.name: row for rows in ROWS.values() for row in rows}
ROOT = Path(__file__).parents[3]


def setup_of(budget: str, **fields: object) -> Setup:
    return Setup(Path("w"), budget, 2, {"conll04": Path("c"), "ade": Path("a")}, **fields)


def parsed(command: str) -> tuple[Config, dict[str, str]]:
    """Returns the config that the command selects, and its other flags."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "experiments.train"]
    own = [word for word in words[3:] if word.startswith("--config")]
    argv = [
        "train",
        *(re.sub(r"^--config=(\w+)$", rf"--config={ROOT}/cman_jax/configs/\1.py", w) for w in own),
    ]
    values = flags.FlagValues()
    config = config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=argv)
    values(argv)
    return config.value, dict(word.lstrip("-").split("=", 1) for word in words[3:] if word not in own)


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_command_contains_all_settings_of_its_run(budget: str) -> None:
    setup = setup_of(budget, vectors=Path("v"), features=Path("f"), encoder="e")
    for run in (runs_of(row, setup)[1] for row in EVERY_ROW.values()):
        config, others = parsed(train_command(run, setup))
        assert list(differences(config, run.config)) == []
        expected = {"data": str(run.data), "workdir": str(run.workdir), "num_devices": "1", "vectors": "v"}
        more = {"words": {}, "features": {"features": "f"}, "layers": {"encoder": "e"}}[run.row.input]
        assert others == expected | more


def test_without_stored_features_a_command_names_the_papers_encoder() -> None:
    setup = setup_of("full")
    _, others = parsed(train_command(runs_of(row_named("cman_features"), setup)[0], setup))
    assert others["encoder"] == "elmo"
    assert "vectors" not in others


def test_every_seed_and_fold_has_its_own_folder() -> None:
    def places(runs: list[Run]) -> list[tuple[int, str, str]]:
        return [(run.config.training.seed, str(run.data), str(run.workdir)) for run in runs]

    assert places(runs_of(row_named("mlp"), setup_of("full"))) == [
        (0, "c", "w/runs/full/mlp/seed_0"),
        (1, "c", "w/runs/full/mlp/seed_1"),
    ]
    folds = places(runs_of(row_named("cman_ade"), setup_of("full")))
    assert folds[9] == (0, "a/fold_9", "w/runs/full/cman_ade/fold_9")
    assert len(folds) == 10
    assert len(runs_of(row_named("cman_ade"), setup_of("quick"))) == 2


def test_the_budgets() -> None:
    full, short = (config_of(row_named("multihead"), budget, 3) for budget in ("full", "short"))
    assert (full.training.num_epochs, full.training.batch_size, full.training.learning_rate) == (130, 1, 1e-3)
    assert [(name, here) for name, _, here in differences(full, short)] == [
        ("training.num_epochs", 20),
        ("training.final_rate", 0.05),
    ]
    ade = config_of(row_named("cman_ade_layers"), "short").training
    assert (ade.num_epochs, ade.trained_splits) == (10, ("train", "dev"))
    assert config_of(row_named("cman_layers"), "short").model.input_dropout == 0.4
    tuned = conll04_minilm.get_config()
    tuned.model.between_dim = 0  # the rows have the paper's scorer
    assert config_of(row_named("cman_features"), "short") == tuned
    for name in EVERY_ROW:
        quick = config_of(EVERY_ROW[name], "quick")
        assert len(quick.data.bucket_lengths) == len(quick.data.char_lengths) == 1
        assert quick.training.num_epochs == 2


def test_rows_differ_from_their_systems_only_as_their_names_say() -> None:
    def changes(name: str, system: str) -> dict[str, object]:
        found = differences(config_of(row_named(system), "full"), config_of(row_named(name), "full"))
        return {name: here for name, _, here in found}

    assert changes("cman_features", "cman") == {}
    layers = changes("cman_layers", "cman")
    assert (layers["encoder.trained_layers"], layers["model.between_dim"]) == ("all", 32)
    assert changes("no_bla_layers", "no_bla") == layers
    assert changes("no_bla_layers", "cman_layers") == {"model.label_attention": False}
    assert changes("cman_without_at", "cman") == {"training.alpha": 0.0}
    assert changes("no_self_attention", "cman") == {"model.self_attention": False}
    assert changes("no_bla", "cman") == {"model.label_attention": False}
    assert changes("no_attention", "cman") == {"model.self_attention": False, "model.label_attention": False}
    assert changes("mlp", "cman") == {"model.sequence_layer": "mlp"}
    assert changes("multihead_train_dev", "multihead") == {"training.protocol": "train+dev"}
    assert changes("multihead_without_at", "multihead_train_dev") == {"training.alpha": 0.0}


def test_every_name_belongs_to_one_row_because_it_names_a_folder() -> None:
    for rows in ROWS.values():
        assert all(EVERY_ROW[row.name] == row for row in rows)
        assert len({row.name for row in rows}) == len(rows)


def test_features_replace_words_where_the_paper_uses_features() -> None:
    def names(what: str, with_features: bool) -> list[str]:
        return [row.name for row in rows_for([what], with_features)]

    assert names("table3", False) == ["cman"]
    assert names("figure5", True) == ["cman_features", "multihead_features"]
    assert names("table4", True)[:2] == ["cman_features", "no_self_attention_features"]
    baseline = ["multihead_ade", "multihead_ade_features"]
    assert names("table2", True) == ["cman_ade", "cman_ade_features", *baseline]
    assert {row.input for row in rows_for(list(ROWS), False)} == {"words"}
    every = [row.name for row in rows_for(list(ROWS), True)]
    assert len(every) == len(set(every))


def test_the_inputs_of_the_rows_can_be_chosen() -> None:
    def names(*inputs: Input) -> list[str]:
        return [row.name for row in rows_for(["table2"], True, inputs)]

    assert names("layers") == ["cman_ade_layers", "multihead_ade_layers"]
    assert names("words", "layers") == [
        "cman_ade",
        "cman_ade_layers",
        "multihead_ade",
        "multihead_ade_layers",
    ]


def test_a_population_has_only_seeds_of_one_row() -> None:
    setup = setup_of("full")._replace(num_seeds=3)
    runs = [run for name in ("cman", "mlp") for run in runs_of(row_named(name), setup)]
    runs = sorted(runs, key=lambda run: run.index)
    names = [[f"{run.row.name} {run.index}" for run in together] for together in groups(runs, 2)]
    assert names == [["cman 0", "cman 1"], ["mlp 0", "mlp 1"], ["cman 2"], ["mlp 2"]]
    assert groups(runs, 1) == [[run] for run in runs]
