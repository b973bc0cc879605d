"""The start is measured in new processes, in turns, and a process that fails ends the measurement."""

import subprocess
from pathlib import Path

import pytest

from cman_jax.data.corpus import write_jsonl
from experiments.start import ROOT, first_step, in_turns, seconds_of
from tests.builders import SENTENCES


def test_a_process_runs_the_code_of_its_checkout_and_is_timed(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("from pathlib import Path; Path('ran').touch(); sum(range(10**6))")
    found = seconds_of(tmp_path, ["-m", "own"])
    assert (tmp_path / "ran").exists()
    assert found["processor"] > 0
    assert 0 < found["wall"] < 60
    with pytest.raises(subprocess.CalledProcessError):
        seconds_of(tmp_path, ["-c", "raise SystemExit(3)"])


def test_checkouts_take_turns_and_get_medians() -> None:
    turns: list[str] = []

    def measure(name: str) -> dict[str, float]:
        turns.append(name)
        return {"wall": float(len(turns))}

    found = in_turns({"before": ROOT, "now": ROOT}, 3, measure)
    assert turns == ["before", "now"] * 3
    assert found == {
        "before": {"wall": {"median": 3.0, "all": [1.0, 3.0, 5.0]}},
        "now": {"wall": {"median": 4.0, "all": [2.0, 4.0, 6.0]}},
    }


def test_a_training_ends_after_its_first_step(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        write_jsonl(tmp_path / f"{split}.jsonl", SENTENCES)
    config = "generated"
    assert first_step(ROOT, config, tmp_path, None)["processor"] > 1
