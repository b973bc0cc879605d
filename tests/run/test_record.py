"""Tests of metrics.jsonl, which is read as written, and of the epoch that is chosen by it."""

import json
from pathlib import Path

import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.run.record import best_epoch, chosen_epoch, read_metrics, unsaved_choice, write_metrics


def test_the_chosen_epoch_is_the_first_best_on_dev_or_the_last(tmp_path: Path) -> None:
    rows = [{"epoch": i, "selection": s} for i, s in enumerate((10.0, 30.0, 30.0, 20.0), 1)]
    write_metrics(tmp_path, rows)
    whole = Config()
    whole.training.protocol = "train+dev"
    assert chosen_epoch(tmp_path, Config(), range(1, 5)) == 2
    assert chosen_epoch(tmp_path, Config(), (1, 2)) == 2
    with pytest.raises(
        InputError,
        match=r"no whole checkpoint of epoch 2, .*; intact epochs: 1, 4; start the same training again",
    ):
        chosen_epoch(tmp_path, Config(), (1, 4))
    assert chosen_epoch(tmp_path, whole, range(1, 5)) == 4
    assert chosen_epoch(tmp_path, whole, (2, 3)) == 3


def test_metrics_are_read_as_written_and_damage_is_named(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    with pytest.raises(InputError, match="found no finished epoch"):
        chosen_epoch(tmp_path, Config(), (1,))
    write_metrics(tmp_path, [{"epoch": 1, "selection": 0.5}])
    assert read_metrics(tmp_path) == [{"epoch": 1, "selection": 0.5}]
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"epoch": 1}) + "\n{half")
    with pytest.raises(InputError, match="a file that was changed or damaged"):
        read_metrics(tmp_path)
    (tmp_path / "manifest.json").unlink()
    for damaged in (b"{half\n", b"\xff\n", b"[" * 100_000):
        (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch": 1, "selection": 0.5}\n' + damaged)
        with pytest.raises(InputError, match=r"metrics\.jsonl:2: found "):
            read_metrics(tmp_path)
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "selection": 0.5}\n{"epoch": "2"}\n')
    with pytest.raises(InputError, match=r"metrics.jsonl:2: found no scores of an epoch"):
        read_metrics(tmp_path)


def test_an_epoch_that_was_never_saved_does_not_count_unless_its_files_are_half_there(tmp_path: Path) -> None:
    write_metrics(tmp_path, [{"epoch": i, "selection": s} for i, s in enumerate((10.0, 30.0, 40.0), 1)])
    assert chosen_epoch(tmp_path, Config(), (1, 2)) == 2
    assert unsaved_choice(tmp_path, Config(), 2) == 3
    assert unsaved_choice(tmp_path, Config(), 3) is None
    (tmp_path / "checkpoints" / "3").mkdir(parents=True)
    with pytest.raises(InputError, match="found no whole checkpoint of epoch 3"):
        chosen_epoch(tmp_path, Config(), (1, 2))


@pytest.mark.parametrize("worst", [float("nan"), None])
def test_a_score_that_is_not_a_number_is_never_the_best(worst: float | None) -> None:
    rows = [{"epoch": i, "selection": s} for i, s in enumerate((worst, 0.0, worst, 0.0), 1)]
    assert best_epoch(rows) == 2


def test_the_last_epoch_is_chosen_where_dev_has_nothing_to_score(tmp_path: Path) -> None:
    write_metrics(tmp_path, [{"epoch": i, "selection": None} for i in (1, 2, 3)])
    assert chosen_epoch(tmp_path, Config(), (1, 2, 3)) == 3
    assert chosen_epoch(tmp_path, Config(), (1, 2)) == 2
