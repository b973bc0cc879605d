"""`cman extract` as a user runs it: killed and continued, fed through a pipe, and asked for tables."""

import csv
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments.faults.workplace import run
from tests.finished_run import finished_run
from tests.forked import Forked

TEXT = "Ann Lee lives in Oslo. Bob Roe works for Acme Corp. in Rome."


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small network with random parameters, which finds something in most sentences."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    finished_run(folder)
    return folder


def extract(workdir: Path, *flags: str) -> list[str]:
    """Returns the command line of an extraction with the run."""
    python = ["env", "JAX_DISABLE_MOST_OPTIMIZATIONS=1", sys.executable, "-m", "cman_jax.app"]
    cache = workdir.parent / "compiled"
    return [*python, "extract", f"--workdir={workdir}", f"--compilation_cache={cache}", *flags]


def check(done: subprocess.CompletedProcess, error: str = "") -> None:
    """Raises AssertionError unless the command ended well, or with this one line."""
    assert done.returncode == (2 if error else 0), done.stderr
    assert error in done.stderr
    assert done.stderr.count("\n") == bool(error)


def kill_when(path: Path, command: Sequence[str]) -> None:
    """Runs a command, and kills it as soon as the file exists."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not path.exists():
        assert process.poll() is None, "the command ended before it was killed"
        assert time.monotonic() < deadline, "the command makes no progress"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_extraction_is_continued_to_the_same_bytes_or_refused(
    forked: Forked, workdir: Path, tmp_path: Path
) -> None:
    source, whole, cut = tmp_path / "in.txt", tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    source.write_text("".join(f"{TEXT} It rained{' and rained' * (k % 4)} in {k}.\n" for k in range(400)))
    flags = (f"--input={source}", f"--output={cut}")
    check(run(extract(workdir, f"--input={source}", f"--output={whole}")))
    kill_when(tmp_path / "cut.jsonl.partial.json", extract(workdir, *flags))
    assert not cut.exists()
    check(
        forked(extract(workdir, *flags, "--resume", "--threshold=0.75")),
        f"error: {cut}.partial.json: found an interrupted output with another run, expected the same",
    )
    before = source.read_bytes()
    source.write_bytes(before.replace(b"Rome", b"Riga"))
    check(forked(extract(workdir, *flags, "--resume")), "an interrupted output with another input")
    source.write_bytes(before)
    check(forked(extract(workdir, *flags, "--resume")))
    assert cut.read_bytes() == whole.read_bytes()
    assert cut.read_bytes().count(b"\n") == 1_200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.jsonl", "in.txt", "whole.jsonl"]


def test_a_line_in_a_pipe_is_answered_before_the_next_one_comes(workdir: Path) -> None:
    with subprocess.Popen(extract(workdir), stdin=-1, stdout=-1, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in ("1", "2"):
            process.stdin.write("Ann Lee lives in Oslo.\n")
            answered, _, _ = select.select([process.stdout], [], [], 300)
            if not answered:
                process.kill()
            assert answered, f"line {number} waits for the end of the input"
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0


def test_no_entity_crosses_the_end_of_a_sentence(forked: Forked, workdir: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text(f"{TEXT}\n" * 3)
    output = tmp_path / "found.csv"
    check(forked(extract(workdir, f"--input={tmp_path / 'in.txt'}", f"--output={output}", "--rows=entities")))
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["document"] for row in rows} == {"1", "2", "3"}
    end = TEXT.index(" Bob")
    for row in rows:
        first, last = int(row["entity_start"]), int(row["entity_end"])
        assert TEXT[first:last] == row["entity_text"]
        assert (last <= end) == (row["sentence"] == f"{row['document']}.1")
        assert last <= end or first > end


def test_a_folder_is_read_in_shards_that_together_are_the_whole(
    forked: Forked, workdir: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for k in range(5):
        (texts / f"{k}.txt").write_text(f"{TEXT}\n\nIt rained in {k}.\n")
    found = {}
    for name, flags in {"whole": [], "one": ["--shard=1/2"], "two": ["--shard=2/2"]}.items():
        done = forked(extract(workdir, f"--input={texts}", *flags))
        check(done)
        found[name] = {record["id"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert found["one"].keys().isdisjoint(found["two"])
    assert found["whole"].keys() == found["one"].keys() | found["two"].keys()
    for name, record in (found["one"] | found["two"]).items():
        for key in ("document", "document_start", "text", "tokens"):
            assert record[key] == found["whole"][name][key]
        source = (texts / record["document"]).read_text()
        assert source[record["document_start"] :].startswith(record["text"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--resume", "--output=OUT"), "flags: found --resume without a stored input, expected a file or a"),
        (
            ("--resume",),
            "flags: found --resume with standard output, expected a file of jsonl, csv or tsv to continue",
        ),
        ((f"--output={os.devnull}",), f"{os.devnull}: found a folder or a device, expected a file to write"),
        (
            ("--rows=entities", "--to=brat", "--output=OUT"),
            "flags: found --rows, expected --to=csv or --to=tsv",
        ),
        (("--runner_options=-x",), "flags: found --runner_options, expected --runner=NAME beside it"),
    ],
)
def test_outputs_that_cannot_be_are_one_line(
    flags: tuple[str, ...], message: str, forked: Forked, workdir: Path, tmp_path: Path
) -> None:
    named = [flag.replace("OUT", str(tmp_path / "out.csv")) for flag in flags]
    check(forked(extract(workdir, *named)), f"error: {message}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("to", ["jsonl", "html"])
def test_an_output_that_would_replace_the_input_is_refused(
    to: str, forked: Forked, workdir: Path, tmp_path: Path
) -> None:
    texts = {"a.txt": TEXT, "b.html": "Ann left."}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    for name in texts if to == "html" else ["a.txt"]:
        for path in (tmp_path, tmp_path / name):
            done = forked(extract(workdir, f"--input={path}", f"--output={tmp_path / name}", f"--to={to}"))
            found = "a file that is not a page" if to == "html" else "a file of the input"
            check(done, f"error: {tmp_path / name}: found {found}, expected ")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == texts


def test_a_runner_without_the_extra_is_one_line(workdir: Path) -> None:
    words = ["cman", "extract", f"--workdir={workdir}", "--input=in.txt", "--runner=DirectRunner"]
    program = "import sys; from cman_jax.app.__main__ import main; sys.modules['apache_beam'] = None; "
    done = run([sys.executable, "-c", f"{program} sys.argv = {words}; main()"])
    expected = "the extra for it (pip install 'cman-jax[beam]')"
    check(done, f"error: Apache Beam: found no apache_beam, expected {expected}")
