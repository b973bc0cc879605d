"""Tests of the suites of benchmarks: their parts, and how a suite ends and continues."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from experiments.benchmarking import suite
from experiments.benchmarking.settings import FRAMEWORKS, MEASURES, PRECISIONS
from tests.experiments.test_benchmark import ROOT, benchmark

COMMANDS = {
    "good": "print('B 2 n 8'); print('plot: speed.png')",
    "refusing": "print('error: no GPU'); raise SystemExit(2)",
    "broken": "raise SystemExit(1)",
    "slow": "import time; print('first result', flush=True); time.sleep(60)",
}


@pytest.mark.parametrize("name", suite.SUITES)
def test_the_parts_have_names_of_their_own_and_flags_that_exist(name: str) -> None:
    minutes, parts = suite.SUITES[name]
    assert minutes <= 15
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        assert bool(part.tests) != bool(part.flags)
        assert (ROOT / part.tests).exists()
        assert set(part.flags.get("what", "epoch").split(",")) <= set(MEASURES)
        assert set(part.flags.get("frameworks", "jax").split(",")) <= set(FRAMEWORKS)
        assert part.flags.get("precision", "tf32") in PRECISIONS


def test_a_part_is_one_benchmark_with_the_flags_that_are_given(tmp_path: Path) -> None:
    parts = {part.name: part for part in suite.SUITES["gpu"][1]}
    flags = [f"--{name}={value}" for name, value in parts["train_step_bfloat16"].flags.items()]
    smaller = ("--frameworks=jax,jax_float32", "--repetitions=1", f"--out={tmp_path / 'speed.json'}")
    done = benchmark(*flags, "--batch_size=2", "--length=8", *smaller)
    assert done.returncode == 0, done.stderr
    assert "jax_float32/jax" in done.stdout
    given = {"length": "8", "epochs": "1"}
    command = suite._command(parts["train_step_bfloat16"], tmp_path, given, ["--cores=1"])
    assert "--length=8" in command
    assert "--cores=1" in command
    assert not any(argument.startswith("--epochs") for argument in command)  # which this part does not read


def test_a_suite_keeps_what_it_has_and_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = tuple(suite.Part(name, {"what": "epoch"}) for name in COMMANDS)
    monkeypatch.setitem(suite.SUITES, "cpu", (1.0, parts))
    started: list[str] = []

    def command(part: suite.Part, *rest: Any) -> Sequence[str]:
        started.append(part.name)
        return [sys.executable, "-c", COMMANDS[part.name]]

    monkeypatch.setattr(suite, "_command", command)
    suite.run_suite("cpu", tmp_path, 6 / 60, {}, ())
    found = json.loads((tmp_path / "suite.json").read_text())
    outcomes = {name: part["outcome"] for name, part in found.items()}
    assert outcomes == {"good": "done", "refusing": "refused", "broken": "failed", "slow": "out of time"}
    lines = (tmp_path / "summary.txt").read_text().splitlines()
    results = ["B 2 n 8", "error: no GPU", "", "first result"]
    assert [line.partition(" s  ")[2] for line in lines] == results
    started.clear()
    suite.run_suite("cpu", tmp_path, 0.5 / 60, {}, ())
    assert started[0] == "broken"
    assert {"good", "refusing"}.isdisjoint(started)
    suite.run_suite("cpu", tmp_path / "other", 0, {}, ())
    assert capsys.readouterr().out.splitlines()[-1].split() == ["slow", "not", "begun"]
