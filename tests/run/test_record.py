"""Tests of metrics.jsonl, which is read as written, and of the epoch that is chosen by it."""

import json
from pathlib import Path

import pytest

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.run.record import chosen_epoch, read_metrics, write_metrics


def test_the_chosen_epoch_is_the_first_best_on_dev_or_the_last(tmp_path: Path) -> None:
    rows = [{"epoch": i, "selection": s} for i, s in enumerate((10.0, 30.0, 30.0, 20.0), 1)]
    write_metrics(tmp_path, rows)
    whole = Config()
    whole.training.protocol = "train+dev"
    assert chosen_epoch(tmp_path, Config(), range(1, 5)) == 2
    assert chosen_epoch(tmp_path, Config(), (1, 4)) == 4
    assert chosen_epoch(tmp_path, whole, range(1, 5)) == 4
    assert chosen_epoch(tmp_path, whole, (2, 3)) == 3


def test_metrics_are_read_as_written_and_damage_is_named(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    with pytest.raises(InputError, match="found no finished epoch"):
        chosen_epoch(tmp_path, Config(), (1,))
    write_metrics(tmp_path, [{"epoch": 1, "selection": 0.5}])
    assert read_metrics(tmp_path) == [{"epoch": 1, "selection": 0.5}]
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"epoch": 1}) + "\n{half")
    with pytest.raises(InputError, match="expected one JSON object per line"):
        read_metrics(tmp_path)


def test_the_last_epoch_is_chosen_where_dev_has_nothing_to_score(tmp_path: Path) -> None:
    write_metrics(tmp_path, [{"epoch": i, "selection": None} for i in (1, 2, 3)])
    assert chosen_epoch(tmp_path, Config(), (1, 2, 3)) == 3
    assert chosen_epoch(tmp_path, Config(), (1, 2)) == 2
