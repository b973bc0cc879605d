"""The disk that the campaign disturbs: each fault is real, and the disk works afterwards."""

import errno
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.faults import disk
from experiments.faults.disk import Disk
from experiments.faults.permissions import without_override

WRITE = "import sys; open(sys.argv[1], 'wb').write(bytes(300_000))"
WORDS = {
    "full": (errno.ENOSPC, errno.EFBIG),
    "read-only": (errno.EROFS, errno.EACCES),
    "no permission": (errno.EACCES,),
}


def write(path: Path) -> str:
    """Returns what a program says that writes a file and heeds permissions."""
    command = without_override([sys.executable, "-c", WRITE, str(path)])
    return subprocess.run(command, capture_output=True, text=True).stderr


@pytest.mark.parametrize("name", disk.FAULTS)
def test_a_fault_on_a_disk_of_its_own(name: str, tmp_path: Path) -> None:
    made = Disk(tmp_path / "disk", tmp_path / "shadow")
    try:
        if not made.is_own:
            pytest.skip("needs the right to mount a disk")
        path = made.folder / "run" / "file"
        path.parent.mkdir()
        assert not write(path)
        with made.fault(name, path.parent, os.getpid(), random.Random(0)):
            assert any(os.strerror(number) in write(path.with_name("other")) for number in WORDS[name])
        assert not write(path)
        assert sorted(each.name for each in made.folder.iterdir()) == ["run"]
    finally:
        made.close()
    assert not any(made.folder.iterdir())


def test_a_full_disk_where_none_can_be_mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_run", lambda *command: False)
    made = Disk(tmp_path / "disk", tmp_path / "shadow")
    script = f"import sys; sys.stdin.read(); {WRITE}"
    command = [sys.executable, "-c", script, str(made.folder / "file")]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program,
        made.fault("full", made.folder, program.pid, random.Random(0)),
    ):
        assert os.strerror(errno.EFBIG) in program.communicate()[1]
    made.close()
