"""Tests of the benchmark's command on a tiny network, whose speed is without meaning."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.compilation import num_cores
from experiments.benchmarking.operations import KINDS, REST

ROOT = Path(__file__).parents[2]
TINY = {
    **{f"model.{name}": 8 for name in ("char_dim", "char_lstm_dim", "word_dim", "lstm_dim", "scorer_dim")},
    "model.sequence_layer": "mlp",
    "model.label_attention": False,
    "model.self_attention": False,
    "model.num_bsa": 1,
    "training.alpha": 0.0,
}


def benchmark(*flags: str, **overrides: object) -> subprocess.CompletedProcess[str]:
    settings = [f"--config.{name}={value}" for name, value in {**TINY, **overrides}.items()]
    small = ("--batch_size=2", "--length=8", "--repetitions=2", "--cores=1", *settings)
    command = [sys.executable, "-m", "experiments.benchmark", *small, *flags]
    environment = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"}  # for fast compilation
    return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=environment)


def test_training_steps_in_jax_without_pytorch(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    done = benchmark("--what=train_step", "--frameworks=jax", "--population=3", f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert "B   2  n   8  jax" in done.stdout
    plotted = importlib.util.find_spec("matplotlib") is not None
    assert plotted == (tmp_path / "speed_train_step.png").exists()
    assert plotted or "pip install 'cman-jax[plots]'" in done.stdout
    results = json.loads(out.read_text())
    assert set(results) == {"date", "machine", "flags", "config", "train_step"}
    assert results["machine"]["cores_used"] == 1
    assert (results["flags"]["length"], results["config"]["model"]["sequence_layer"]) == (["8"], "mlp")
    (row,) = results["train_step"]["rows"]
    jax_row = row["frameworks"]["jax"]
    assert len(jax_row["seconds"]) == 2
    assert jax_row["min"] <= jax_row["median"] <= jax_row["max"]
    assert jax_row["sentences_per_second"] == pytest.approx(3 * 2 / jax_row["median"])
    assert row["costs"]["flops"] > 0
    assert row["ratios"] == {}


def test_the_time_of_a_step_by_kinds_of_operations(tmp_path: Path) -> None:
    out = tmp_path / "operations.json"
    done = benchmark(
        "--what=operations", "--frameworks=jax", f"--out={out}", **{"model.sequence_layer": "bilstm"}
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(out.read_text())["operations"]
    found = row["frameworks"]["jax"]
    assert list(found) == [*KINDS, REST]
    assert all(found[kind] > 0 for kind in found), found
    refused = benchmark("--what=operations", "--frameworks=jax,torch")
    assert refused.returncode == 2
    assert "--frameworks=jax or jax,jax_float32" in refused.stderr


@pytest.mark.skipif(num_cores() < 2, reason="needs two cores, one for each device")
def test_devices_that_share_a_batch_beside_one(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    done = benchmark("--what=train_step", "--frameworks=jax,jax_devices", "--cores=2", f"--out={out}")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(out.read_text())["train_step"]["rows"]
    assert row["ratios"]["jax_devices"]["median"] > 0
    uneven = benchmark("--frameworks=jax_devices", "--cores=2", "--batch_size=3")
    assert uneven.returncode == 2
    assert "batch_size = 3 for 2 devices" in uneven.stderr


def test_both_frameworks_in_turns(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "speed.json"
    done = benchmark("--what=inference", "--frameworks=jax,torch", f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert "torch/jax" in done.stdout
    results = json.loads(out.read_text())
    (row,) = results["inference"]["rows"]
    ours, theirs = (row["frameworks"][name]["seconds"] for name in ("jax", "torch"))
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    assert row["ratios"]["torch"]["min"] == pytest.approx(ratios[0])
    assert row["ratios"]["torch"]["max"] == pytest.approx(ratios[1])
    assert results["inference"]["geometric_mean"]["torch"] == pytest.approx(sum(ratios) / 2)
    for name in ("jax", "torch"):
        ceiling = results["inference"]["ceiling"][name]
        assert ceiling["flops_per_second"] == pytest.approx(2 * 1024**3 / ceiling["median"])


def test_an_unknown_measure_is_a_message_of_one_line() -> None:
    done = benchmark("--frameworks=jax", "--what=speed")
    assert done.returncode == 2
    expected = "error: flags: found what = speed, expected one or more of train_step, inference"
    assert done.stderr.startswith(expected)
    assert len(done.stderr.splitlines()) == 1


def test_the_message_for_missing_pytorch_names_the_extra() -> None:
    # An entry of None in sys.modules tells Python that the module does not exist.
    program = "import sys; sys.modules['torch'] = None; from experiments.benchmark import *; run_main(main)"
    command = [sys.executable, "-c", program, "--frameworks=jax,torch"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "pip install 'cman-jax[torch]'" in done.stderr
