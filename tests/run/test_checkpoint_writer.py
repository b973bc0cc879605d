"""What opens a directory to write; `test_checkpoint.py` has the tests of what is written."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.run import checkpoint_writer

PROGRAM = """
import sys
from pathlib import Path
from cman_jax.run.checkpoint import Checkpoints
with Checkpoints(Path(sys.argv[1]), read_only=True) as checkpoints:
    assert checkpoints.epochs() == []
assert "orbax.checkpoint" not in sys.modules
Checkpoints(Path(sys.argv[1])).close()
assert "orbax.checkpoint" in sys.modules
print("done")
"""


def test_reading_imports_no_orbax(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "done"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_directory_that_cannot_be_written_is_not_called_damaged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(checkpoint_writer.ocp, "CheckpointManager", refuse)
    with pytest.raises(InputError, match=rf"cannot be written \({os.strerror(number)}\)"):
        checkpoint_writer.open_manager(tmp_path)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=rf"cannot be written \({os.strerror(number)}\)"):
        checkpoint_writer.open_manager(tmp_path / "new")
