"""`cman validate` reports every broken file, and then fails."""

import subprocess
import sys
from pathlib import Path

from cman_jax.data.corpus import write_jsonl
from cman_jax.types import Sentence


def program(data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cman_jax.app", "validate", f"--data={data}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_fails_when_a_file_is_broken(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [Sentence("1", ("a", "b"))])
    good = program(tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert "1 sentences, 2 tokens" in good.stdout
    for split in ("dev", "test"):
        (tmp_path / f"{split}.jsonl").write_text("[]")
    bad = program(tmp_path)
    assert bad.returncode == 2
    assert [line.split(": ")[1] for line in bad.stderr.splitlines()] == [
        f"{tmp_path / 'dev.jsonl'}:1",
        f"{tmp_path / 'test.jsonl'}:1",
    ]
    assert "1 sentences, 2 tokens" in bad.stdout
