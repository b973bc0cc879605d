"""One race of two quick programs, and the comparison of what races leave."""

import random
from pathlib import Path

import pytest

from cman_jax.files import write_atomically
from experiments.faults import races
from experiments.faults.races import PAIRS, Prepared, attempt, results_of
from experiments.faults.real_runs import Runs, remains_of
from experiments.faults.row import Broken
from experiments.faults.workplace import Workplace


def test_two_conversions_to_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(races, "PAIRS", (("convert", "convert"),))
    for name in ("half", "finished"):
        (tmp_path / name).mkdir()
    runs = Runs(Workplace(tmp_path / "place"), tmp_path / "half", tmp_path / "finished")
    prepared = Prepared(runs, {"convert": races._alone("convert", runs, tmp_path / "alone")})
    (tmp_path / "attempt").mkdir()
    assert attempt(prepared, tmp_path / "attempt", random.Random(2)) in ("one refused", "both correct")


def test_every_pair_has_its_commands() -> None:
    assert {name for pair in PAIRS for name in pair} == set(races._COMMANDS)
    assert len(set(PAIRS)) == len(PAIRS)


def test_what_a_race_left_is_compared(tmp_path: Path) -> None:
    write_atomically(tmp_path / "run" / "scores.json", b'{"dev": 1, "test": 2}')
    write_atomically(tmp_path / "run" / "calibration.json", b'{"threshold": 0.5}')
    write_atomically(tmp_path / "found.jsonl", b'{"id": "1"}\n')
    found = results_of(tmp_path)
    assert found == {
        "run/scores.json dev": 1,
        "run/scores.json test": 2,
        "run/calibration.json threshold": 0.5,
        "found.jsonl": [{"id": "1"}],
    }
    runs = Runs(None, tmp_path, tmp_path)
    alone = {"train": {"run/scores.json dev": 1}, "tune": found}
    races._compare(Prepared(runs, alone), ("tune", "tune"), found, "")
    later = {**found, "run/calibration.json threshold": 0.25}
    races._compare(Prepared(runs, alone), ("train", "tune"), later, "")
    for pair, wrong in (
        (("tune", "tune"), later),
        (("train", "tune"), {**found, "run/scores.json dev": 3}),
        (("train", "tune"), {"run/scores.json dev": 1}),  # without found.jsonl
    ):
        with pytest.raises(Broken):
            races._compare(Prepared(runs, alone), pair, wrong, "")


def test_unfinished_files_are_found(tmp_path: Path) -> None:
    for name in (".scores.json.7.tmp", ".update.lock", "found.jsonl.partial", "scores.json"):
        (tmp_path / name).touch()
    assert remains_of(tmp_path) == [".scores.json.7.tmp", ".update.lock", "found.jsonl.partial"]
