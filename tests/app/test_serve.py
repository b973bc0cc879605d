"""The command `cman serve`: from its line to its end by a signal, and bad starts in one line."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import pytest

from cman_jax.config import Config
from cman_jax.inference.ensemble import Ensemble
from cman_jax.inference.extractor import Extractor
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.system import System
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.step import TrainState
from tests.builders import SENTENCES, SMALL_DATA, SMALL_MODEL, changed, normal, vocabs_of

SERVE = ["env", "JAX_DISABLE_MOST_OPTIMIZATIONS=1", sys.executable, "-m", "cman_jax.app", "serve"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a run whose network has random parameters."""
    return random_run(tmp_path_factory.mktemp("run"), first_seed=0)


def random_run(workdir: Path, first_seed: int) -> Path:
    """Writes a run with random parameters."""
    config = Config(model=changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1), data=SMALL_DATA)
    config.training.protocol = "train+dev"
    system = System.build(config, vocabs_of(SENTENCES))
    system.save(workdir)
    shapes, tree = jax.tree.flatten(system.param_shapes())
    params = jax.tree.unflatten(
        tree, [normal(seed, *leaf.shape) for seed, leaf in enumerate(shapes, first_seed)]
    )
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        checkpoints.save(1, TrainState.start(params, make_optimizer(config.training)), None)
    (workdir / "metrics.jsonl").write_text('{"epoch": 1}\n')
    return workdir


@contextmanager
def serving(*runs: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """Serves runs, and yields the process and its address."""
    command = [*SERVE, f"--workdir={','.join(map(str, runs))}", "--port=0", "--compilation_cache="]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith(f"serving {', '.join(map(str, runs))} at http://127.0.0.1:"), (
            process.stderr.read()
        )
        yield process, line.split()[-1]
    finally:
        process.kill()
        process.communicate()


def extracted(url: str, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the records of a request."""
    with urllib.request.urlopen(f"{url}/extract", json.dumps(wanted).encode(), timeout=60) as answer:
        return json.load(answer)["records"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_answers_and_ends_with_status_0(run: Path, number: int) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    with serving(run) as (process, url):
        records = extracted(url, {"text": "Ada lived in London."})
        assert [record["text"] for record in records] == ["Ada lived in London."]
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def test_several_runs_answer_together(run: Path, tmp_path: Path) -> None:
    other = random_run(tmp_path / "other", first_seed=1000)
    tokens = ["Ada", "lived", "in", "London", "."]
    together, alone = Ensemble.load([run, other])([tokens]), Extractor.load(run)([tokens])
    with serving(run, other) as (_, url):
        (record,) = extracted(url, {"tokens": [tokens]})
    assert record["entities"] == approximate(together[0]["entities"])
    assert record["entities"] != approximate(alone[0]["entities"])


def approximate(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns entities that equal others with nearly the same probabilities."""
    return [{**each, "probability": pytest.approx(each["probability"], abs=1e-4)} for each in entities]


def test_it_can_be_stopped_while_it_starts(run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*SERVE, f"--workdir={run}", f"--port={port}", "--compilation_cache="]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        health = ""
        while "starting" not in health:
            assert process.poll() is None, process.stderr.read()
            try:
                health = urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60).read().decode()
            except urllib.error.HTTPError as error:
                health = error.read().decode()
            except urllib.error.URLError:
                time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=120) == ("", "")
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def ended(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SERVE, *flags], capture_output=True, text=True, timeout=120)


def test_bad_starts_are_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        in_use = ended(f"--workdir={tmp_path}", f"--port={port}")
    assert in_use.returncode == 2
    assert in_use.stderr.startswith(f"error: flags: found --host=127.0.0.1 --port={port} (")
    assert in_use.stderr.count("\n") == 1
    no_run = ended(f"--workdir={tmp_path}", "--port=0")
    assert (no_run.returncode, no_run.stderr.count("\n")) == (2, 1)


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None; "
        f"sys.argv = ['cman', 'serve', '--workdir={tmp_path}']; "
        "from cman_jax.app.__main__ import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == (
        "error: the service: found no fastapi, expected the extra for it (pip install 'cman-jax[serve]')\n"
    )
