"""Tests of the limits of memory, in processes of their own where a limit is set."""

import subprocess
import sys
from pathlib import Path

import pytest

from cman_jax.errors import InputError
from cman_jax.memory import TO_PREDICT, TO_TRAIN, Limits, _of_group, read_limits, refuse_too_little

MIB = 2**20


def test_limits_of_a_process_are_read() -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({700 * MIB}, {700 * MIB}))"
    program = f"{limit}; from cman_jax.memory import read_limits; print(read_limits().data)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == f"{700 * MIB}\n", done.stderr


def test_the_smallest_limit_of_the_control_groups_counts(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "own"
    (root / "job" / "step").mkdir(parents=True)
    (root / "job" / "memory.max").write_text("2000\n")
    (root / "job" / "step" / "memory.max").write_text("max\n")
    own.write_text("4:memory:/elsewhere\n0::/job/step\n")
    assert _of_group(root, own) == 2000
    own.write_text("0::/\n")
    assert _of_group(root, own) is None
    own.write_text("4:memory:/elsewhere\n")
    assert _of_group(root, own) is None
    assert _of_group(root, tmp_path / "missing") is None


def test_limits_below_what_jax_needs_are_refused() -> None:
    refuse_too_little(Limits(None, None, 1), TO_TRAIN)  # a group's limit kills and cannot be answered
    refuse_too_little(Limits(2000 * MIB, 8000 * MIB, None), TO_TRAIN)
    with pytest.raises(InputError, match=r"memory \(ulimit -d\): found a limit of 900 MiB, expected at le"):
        refuse_too_little(Limits(900 * MIB, None, None), TO_PREDICT)
    with pytest.raises(InputError, match=r"address space \(ulimit -v\): found a limit of 900 MiB, expected"):
        refuse_too_little(Limits(None, 900 * MIB, None), TO_PREDICT)


def test_the_smaller_limit_of_memory_counts() -> None:
    assert Limits(5, None, 3).memory == 3
    assert Limits(5, 1, None).memory == 5
    assert Limits(None, 1, None).memory is None
    assert read_limits().addresses is None or read_limits().addresses > 0
