"""Tests of opening a working directory: it belongs to this run, or it is refused."""

import json
from pathlib import Path

import pytest

from cman_jax.config import Config
from cman_jax.data.stored import summaries_of
from cman_jax.errors import InputError
from cman_jax.inference.extractor import Extractor
from cman_jax.run.constraints import load_constraints
from cman_jax.run.provenance import Splits, recorded_digest, split_digest
from cman_jax.run.record import write_metrics
from cman_jax.run.system import System, load_config
from cman_jax.training.open_run import open_run
from tests.builders import SENTENCES

SPLITS = {"train": SENTENCES, "dev": SENTENCES[:2]}


def opened(config: Config, splits: Splits, workdir: Path, vectors: Path | None = None) -> System:
    """Opens a run on these sentences."""
    return open_run(config, summaries_of(splits), workdir, vectors)


def config_with(**training: object) -> Config:
    """Returns the default config with these training settings."""
    config = Config()
    for name, value in training.items():
        setattr(config.training, name, value)
    return config


def test_a_run_is_found_again_with_its_vocabularies_and_vectors(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("London 1 2\nlived 3 4\nrare 5 6\n")
    config = Config()
    config.data.extra_words = 0
    made = opened(config, SPLITS, tmp_path / "run", vectors)
    again = opened(config, SPLITS, tmp_path / "run", vectors)
    assert again.vocabs == made.vocabs
    assert again.vocabs.words == ("London", "lived")
    assert (again.constants["word"]["vectors"] == made.constants["word"]["vectors"]).all()


def test_more_epochs_continue_a_run_and_other_settings_or_data_do_not(tmp_path: Path) -> None:
    opened(config_with(num_epochs=2), SPLITS, tmp_path, None)
    assert opened(config_with(num_epochs=5), SPLITS, tmp_path, None).config.training.num_epochs == 5
    with pytest.raises(InputError, match=r"found a run with training.seed = 0, expected 1"):
        opened(config_with(seed=1), SPLITS, tmp_path, None)
    opened(config_with(num_epochs=2, final_rate=0.1), SPLITS, tmp_path / "falling", None)
    with pytest.raises(InputError, match=r"found a run with training.num_epochs = 2, expected 5"):
        opened(config_with(num_epochs=5, final_rate=0.1), SPLITS, tmp_path / "falling", None)
    with pytest.raises(InputError, match=r"data.json: found a run on other dev, expected"):
        opened(Config(), {**SPLITS, "dev": SENTENCES[1:]}, tmp_path, None)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("London 1 2\n")
    with pytest.raises(InputError, match=r"data.json: found a run on other vectors"):
        opened(Config(), SPLITS, tmp_path, vectors)


def test_the_automatic_precision_is_that_of_the_device_and_a_resumed_run_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_with(precision="auto")
    config.decoding.precision = "auto"
    for has_units in (True, False):  # the run moves to another machine
        monkeypatch.setattr("cman_jax.layers.products.has_fast_bfloat16", lambda: has_units)  # noqa: B023
        found = opened(config, SPLITS, tmp_path, None).config
        assert (found.training.precision, found.decoding.precision) == ("bfloat16", "bfloat16")
    assert load_config(tmp_path).training.precision == "bfloat16"
    with pytest.raises(InputError, match=r"a run with training.precision = 'bfloat16', expected 'float32'"):
        opened(config_with(), SPLITS, tmp_path, None)


@pytest.mark.parametrize(
    ("damage", "found"),
    [('{"train"', r"a damaged file \(Expecting"), ("\xff", r"a damaged file \('utf-8'"), ("[]", "a list")],
)
def test_damaged_digests_are_named(tmp_path: Path, damage: str, found: str) -> None:
    opened(Config(), SPLITS, tmp_path, None)
    (tmp_path / "data.json").write_text(damage, encoding="latin-1")
    with pytest.raises(InputError, match=r"data.json: found a file that was changed or damaged"):
        opened(Config(), SPLITS, tmp_path, None)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputError, match=f"data.json: found {found}"):
        opened(Config(), SPLITS, tmp_path, None)


def test_missing_vectors_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.txt: found no such file, expected word vectors"):
        opened(Config(), SPLITS, tmp_path / "run", tmp_path / "nowhere.txt")


def test_what_training_cannot_learn_is_recorded_and_the_record_of_an_older_run_completed(
    tmp_path: Path,
) -> None:
    splits = {**SPLITS, "test": SENTENCES[:1]}
    opened(Config(), splits, tmp_path)
    path = tmp_path / "data.json"
    made = json.loads(path.read_text())
    assert made["contents"]["splits"]["train"]["entities"] == sum(len(s.entities) for s in SENTENCES)
    assert recorded_digest(tmp_path, "test") == split_digest(SENTENCES[:1])
    older = {name: made[name] for name in ("train", "dev", "vectors", "features")}
    path.write_text(json.dumps(older))
    (tmp_path / "manifest.json").unlink()
    assert recorded_digest(tmp_path, "test") is None
    opened(Config(), splits, tmp_path)
    assert json.loads(path.read_text()) == made


def test_another_test_split_does_not_change_what_the_run_was_made_of(tmp_path: Path) -> None:
    opened(Config(), {**SPLITS, "test": SENTENCES[:1]}, tmp_path)
    opened(Config(), {**SPLITS, "test": SENTENCES[1:]}, tmp_path)
    opened(Config(), SPLITS, tmp_path)
    assert recorded_digest(tmp_path, "test") == split_digest(SENTENCES[:1])


def test_vectors_of_no_word_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("queen 1 2\nking 3 4\n")
    with pytest.raises(
        InputError, match=r"vectors.txt: found a vector for 0 of the \d+ distinct training tok"
    ):
        opened(Config(), SPLITS, tmp_path / "run", vectors)
    assert not (tmp_path / "run").exists()


def test_a_network_without_any_relation_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    alone = [sentence._replace(relations=()) for sentence in SENTENCES]
    config = Config()
    config.model.null_relation = False
    with pytest.raises(
        InputError, match=r"the data: found no relation in any split, with config.model.null_r"
    ):
        opened(config, {"train": alone, "dev": alone}, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    opened(Config(), {"train": alone, "dev": alone}, tmp_path / "run")


def test_a_run_cannot_be_resumed_with_fewer_epochs_than_it_has_finished(tmp_path: Path) -> None:
    opened(config_with(num_epochs=5), SPLITS, tmp_path)
    write_metrics(tmp_path, [{"epoch": k, "selection": 0.0} for k in (1, 2, 3)])
    assert opened(config_with(num_epochs=3), SPLITS, tmp_path).config.training.num_epochs == 3
    before = (tmp_path / "config.json").read_text()
    with pytest.raises(
        InputError,
        match=r"found a run with 3 finished epochs, expected at most 2 .config.training.num_epochs",
    ):
        opened(config_with(num_epochs=2), SPLITS, tmp_path)
    assert (tmp_path / "config.json").read_text() == before


def test_the_files_of_a_killed_start_are_written_anew(tmp_path: Path) -> None:
    """Kills the start before config.json, the last file that it writes."""
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("London 1 2\n")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    opened(Config(), SPLITS, whole)
    opened(config_with(seed=7), {**SPLITS, "dev": SENTENCES}, killed, vectors)
    (killed / "config.json").rename(killed / ".config.json.1.tmp")
    for folder in ("encoder", "data"):
        (killed / folder).mkdir()
        (killed / folder / ".large.1.tmp").touch()
    with pytest.raises(
        InputError, match=r"killed: found no config.json, expected the working directory of a"
    ):
        System.load(killed)
    opened(Config(), SPLITS, killed)
    assert {p.name: p.read_bytes() for p in killed.rglob("*") if p.is_file()} == {
        p.name: p.read_bytes() for p in whole.iterdir()
    }


@pytest.mark.parametrize("name", ["checkpoints", "metrics.jsonl", "scores.json"])
def test_results_without_the_config_of_their_run_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=f"found {name} without a config.json, expected the config.json of"):
        opened(Config(), SPLITS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_run_that_was_killed_before_its_first_epoch_cannot_predict(tmp_path: Path) -> None:
    opened(Config(), SPLITS, tmp_path)
    with pytest.raises(
        InputError, match="checkpoints: found no such directory, expected the checkpoints of a"
    ):
        Extractor.load(tmp_path)


def test_a_file_of_constraints_becomes_a_part_of_the_run(tmp_path: Path) -> None:
    file, run = tmp_path / "own.json", tmp_path / "run"
    file.write_text('{"Live_In": [["Org", "Loc"]]}')
    config = Config()
    config.decoding.constraints = str(file)
    for _ in range(2):  # the second time, the run is resumed
        system = opened(config, SPLITS, run)
        assert system.config.decoding.constraints == load_config(run).decoding.constraints == "learned"
        found = load_constraints("learned", run, system.vocabs)
        assert found == {"Live_In": frozenset([("Org", "Loc")])}
    file.write_text('{"Live_In": [["Peop", "Loc"]]}')
    with pytest.raises(
        InputError, match=r"own\.json: found other constraints than those of the run, expected"
    ):
        opened(config, SPLITS, run)
    file.unlink()
    for workdir in (run, tmp_path / "new"):
        with pytest.raises(InputError, match=r"own\.json: found no such file"):
            opened(config, SPLITS, workdir)


def test_constraints_are_stored_from_the_trained_splits_and_added_to_an_older_run(tmp_path: Path) -> None:
    splits = {"train": SENTENCES[:1], "dev": SENTENCES}
    own, both = tmp_path / "own", tmp_path / "both"
    opened(Config(), splits, own)
    opened(config_with(protocol="train+dev"), splits, both)
    found = [json.loads((folder / "constraints.json").read_text()) for folder in (own, both)]
    assert found[0] == {"Live_In": [["Peop", "Loc"]]}
    assert set(found[1]) == {"Live_In", "OrgBased_In", "Work_For"}
    (own / "constraints.json").unlink()
    (own / "manifest.json").unlink()
    opened(Config(), splits, own)
    assert json.loads((own / "constraints.json").read_text()) == found[0]
