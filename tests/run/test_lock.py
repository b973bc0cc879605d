"""Tests of locks: one training per directory; ended processes keep no lock and leave no file behind."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from cman_jax import locking
from cman_jax.errors import InputError
from cman_jax.files import read_json
from cman_jax.run.lock import training_in
from cman_jax.run.manifest import update_json
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from tests.builders import SENTENCES, tiny_config

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from pathlib import Path
from cman_jax.run.lock import training_in
with training_in(Path(sys.argv[1])):
    print("there", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_training(workdir: Path) -> Iterator[subprocess.Popen]:
    """Starts another process that trains in the directory, and yields it."""
    command = [sys.executable, "-c", HOLD, str(workdir)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        yield process
        process.kill()


def job(workdir: Path) -> Job:
    """Returns a small job."""
    return Job(tiny_config(), {"train": SENTENCES, "dev": SENTENCES}, workdir)


def files_below(folder: Path) -> list[str]:
    """Returns the paths of all files and folders below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_second_training_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with another_training(tmp_path / "b") as process:
        found = (
            rf"/b: found a training that is running there \(process {process.pid} on .*\), expected one tr"
        )
        with pytest.raises(InputError, match=found):
            train_population([job(tmp_path / "a"), job(tmp_path / "b")])
        assert files_below(tmp_path) == ["b", "b/.training.lock"]


def test_a_killed_training_keeps_no_lock(tmp_path: Path) -> None:
    with another_training(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert files_below(tmp_path) == [".training.lock"]
        with training_in(tmp_path):
            pass
    assert files_below(tmp_path) == []


def test_a_thread_may_enter_again_and_another_thread_may_not(tmp_path: Path) -> None:
    refused = []

    def enter() -> None:
        try:
            with training_in(tmp_path):
                pass
        except InputError as error:
            refused.append(error)

    with training_in(tmp_path), training_in(tmp_path / ".." / tmp_path.name):
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        assert len(refused) == 1
        with another_training(tmp_path / "elsewhere"):
            pass
    enter()
    assert len(refused) == 1


def test_a_directory_that_a_failed_start_made_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), training_in(tmp_path / "new"):
        raise ValueError("x")
    assert files_below(tmp_path) == []


COUNT = """
import sys
from pathlib import Path
from cman_jax.locking import locked
counter = Path(sys.argv[1])
for _ in range(200):
    with locked(counter.parent / "new" / ".lock"):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def test_processes_that_make_and_remove_the_folder_of_a_lock_wait_for_each_other(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", COUNT, str(counter)]
    for process in [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]:
        assert process.wait() == 0
    assert counter.read_text() == "600"
    assert ".lock" not in files_below(tmp_path / "new")


def test_a_folder_that_a_refused_writer_made_is_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="x"), locking.writing_in(tmp_path / "new"):
        raise InputError("x", None, "x", "x")
    assert files_below(tmp_path) == []


def without_locks(*_: object) -> None:
    """Raises the error of a file system without locks."""
    raise OSError(errno.ENOLCK, "No locks available")


def test_without_locks_nothing_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with another_training(tmp_path):
        for replaced in (None, SimpleNamespace(flock=without_locks, LOCK_EX=2, LOCK_NB=4)):
            monkeypatch.setattr(locking, "fcntl", replaced)
            with training_in(tmp_path):
                update_json(tmp_path / "scores.json", {"test": 1})


WRITE = """
import sys
from pathlib import Path
from cman_jax.run.manifest import update_json
for k in range(60):
    update_json(Path(sys.argv[1]), {f"{sys.argv[2]}{k}": k})
"""


def test_entries_of_several_processes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    commands = [[sys.executable, "-c", WRITE, str(path), name] for name in "ab"]
    for process in [subprocess.Popen(command, cwd=ROOT) for command in commands]:
        assert process.wait() == 0
    assert len(read_json(path)) == 120
    assert files_below(tmp_path) == ["manifest.json", "scores.json"]


def test_a_lock_that_cannot_be_removed_hides_no_error_and_locks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    def fail() -> None:
        with locking.locked(tmp_path / ".lock"):
            raise KeyError("the first error")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", read_only)
        with pytest.raises(KeyError, match="the first error"):
            fail()
    assert files_below(tmp_path) == [".lock"]
    with locking.locked(
        tmp_path / ".lock", busy=lambda holder: InputError(tmp_path, None, holder, "no lock")
    ):
        pass
    assert files_below(tmp_path) == []
