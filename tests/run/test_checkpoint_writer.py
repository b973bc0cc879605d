"""Only writing checkpoints imports Orbax; `test_checkpoint.py` has the tests of what is written."""

import subprocess
import sys
from pathlib import Path

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
