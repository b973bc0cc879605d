"""Tests of trainings of two hosts, which are two processes of this machine, from their flags to their ends.

All of them train the same run, so that each can be compared with the run that nothing interrupted.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cman_jax.app.hosts_flags import are_announced
from cman_jax.data.corpus import write_jsonl
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.record import read_metrics
from cman_jax.run.system import System
from data_prep.generated.corpus import generate_splits
from experiments.faults.workplace import TINY
from tests.documents import ROOT
from tests.host import LOST, Hosts
from tests.training.test_stopping import bits, without_times

EPOCHS = 40


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for split, sentences in generate_splits({"train": 40, "dev": 2}).items():
        write_jsonl(folder / f"{split}.jsonl", sentences)
    return folder


def arguments(data: Path, workdir: Path, *flags: str) -> list[str]:
    """Returns the arguments of a host for a training on one device of each host."""
    settings = {**TINY, "training.num_epochs": EPOCHS, "data.min_word_count": 1}
    places = [f"--data={data}", f"--workdir={workdir}", "--config=generated", "--num_devices=2"]
    return ["train", *places, *flags, *(f"--config.{name}={value}" for name, value in settings.items())]


def result(workdir: Path) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Returns the parameters and the metrics of a finished run."""
    with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
        params = checkpoints.restore_params(EPOCHS, System.load(workdir).param_shapes())
    return bits(params), [without_times(row) for row in read_metrics(workdir)]


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """The result of one process with two devices."""
    workdir = tmp_path_factory.mktemp("one") / "run"
    command = [sys.executable, "-m", "tests.host", *arguments(data, workdir, "--parallel=mesh")]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return result(workdir)


def test_a_run_that_is_stopped_and_killed_ends_with_the_bits_of_one_process(
    data: Path, tmp_path: Path, whole: tuple
) -> None:
    workdir = tmp_path / "run"
    command, metrics = arguments(data, workdir, "--save_every=0.001"), workdir / "metrics.jsonl"
    hosts = Hosts(command)
    hosts.kill(signal.SIGTERM, [1], metrics, 2)
    (first, _, here), (second, silent, there) = hosts.ends()
    assert (first, second, silent) == (75, 75, "")
    places = [line.partition(": training stopped after ") for line in (here, there)]
    assert [place[0] for place in places] == [
        "interrupted by a signal on another host",
        "interrupted by SIGTERM",
    ]
    assert places[0][2] == places[1][2] != ""
    hosts = Hosts(command)
    hosts.kill(signal.SIGKILL, [0, 1], metrics, len(read_metrics(workdir)) + 2)
    assert [end[0] for end in hosts.ends()] == [-signal.SIGKILL] * 2
    (first, output, messages), (second, silent, there) = Hosts(command).ends()
    assert (first, messages, second, silent, there) == (0, "", 0, "", "")
    assert f"finished {workdir}" in output
    assert result(workdir) == whole


@pytest.mark.parametrize("killed", [0, 1])
def test_a_host_that_dies_ends_the_other_with_one_line(data: Path, tmp_path: Path, killed: int) -> None:
    hosts = Hosts(arguments(data, tmp_path / "run"))
    start = hosts.kill(signal.SIGKILL, [killed], tmp_path / "run" / "metrics.jsonl", 2)
    status, _, messages = hosts.ends()[1 - killed]
    assert time.monotonic() - start < 60
    assert status != 0
    assert messages.startswith(LOST)
    assert messages.count("\n") == 1


def test_an_error_on_one_host_ends_the_other_one(data: Path, tmp_path: Path) -> None:
    """The second host does not see the folder of the first one."""
    workdirs = [[f"--workdir={tmp_path / name}"] for name in ("here", "there")]
    (first, _, lost), (second, _, messages) = Hosts(arguments(data, tmp_path), workdirs).ends()
    assert first != 0
    assert lost.startswith(LOST)
    assert lost.count("\n") == 1
    expected = "expected the run that the first host has opened there, because all hosts share the folder"
    assert (second, messages) == (
        2,
        f"error: {tmp_path / 'there'}: found no run on this host, {expected}\n",
    )


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        ({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "16"}, False),  # within sbatch, without srun
        ({"SLURM_STEP_NODELIST": "a", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, False),
        ({"SLURM_STEP_NODELIST": "a", "SLURM_PROCID": "0", "SLURM_NTASKS": "16"}, True),
        ({"OMPI_MCA_orte_hnp_uri": "1", "OMPI_COMM_WORLD_SIZE": "1"}, False),
        ({"OMPI_MCA_orte_hnp_uri": "1", "OMPI_COMM_WORLD_SIZE": "2"}, True),
        ({"KUBERNETES_SERVICE_HOST": "a"}, False),
        ({"KUBERNETES_SERVICE_HOST": "a", "JOB_COMPLETION_INDEX": "0"}, True),
        ({"TPU_WORKER_HOSTNAMES": "a"}, False),
        ({"TPU_WORKER_HOSTNAMES": "a,b"}, True),
    ],
)
def test_hosts_are_announced_by_schedulers(environment: Mapping[str, str], several: bool) -> None:
    assert are_announced({"JAX_PLATFORMS": "cpu", **environment}) is several


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (["--coordinator=a:1"], "one of several hosts without all of its flags"),
        (["--coordinator=a:1", "--num_processes=2", "--process_id=2"], "--process_id=2"),
    ],
)
def test_flags_that_do_not_fit_are_one_line(
    forked: Any, data: Path, flags: Sequence[str], found: str
) -> None:
    command = [sys.executable, "-m", "cman_jax.app", *arguments(data, Path("nowhere"), *flags)]
    done = forked(command)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"error: flags: found {found}, expected " in done.stderr
