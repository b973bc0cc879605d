"""The limits of memory that the operating system sets for this process, and the most that it has used."""

import functools
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cman_jax.errors import InputError

try:
    import resource
except ImportError:  # Windows
    resource = None

_MIB = 2**20
TO_PREDICT, TO_TRAIN = 1024 * _MIB, 1536 * _MIB
"""The least memory for each kind of program; JAX's compiler aborts the process if it gets too little."""
_LEAST_ADDRESSES = 4096 * _MIB  # JAX and its threads reserve far more addresses than memory


class Limits(NamedTuple):
    """The limits of a process in bytes; None: no limit.

    Attributes:
      data: memory of its own (`ulimit -d`). More is refused, so that an allocation fails.
      addresses: address space (`ulimit -v`).
      group: memory of its control group, which containers and job schedulers set. It kills a process that
        exceeds it.
    """

    data: int | None
    addresses: int | None
    group: int | None

    @property
    def memory(self) -> int | None:
        """The smaller limit of memory."""
        return min((limit for limit in (self.data, self.group) if limit is not None), default=None)


@functools.cache
def read_limits() -> Limits:
    """Returns the limits of this process, which are read once: every prediction asks for them."""
    return Limits(_of_process("RLIMIT_DATA"), _of_process("RLIMIT_AS"), _of_group())


def peak_memory() -> int:
    """Returns the most main memory that this process has used, in bytes; 0: the system does not tell."""
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def refuse_too_little(limits: Limits, least_memory: int) -> None:
    """Checks that the limits leave enough memory to start JAX and to compile a program.

    Args:
      limits: the limits of this process.
      least_memory: the memory that the program needs, in bytes.

    Raises:
      InputError: they are too small, so that the process would abort instead of raising an error.
    """
    for name, limit, least in (
        ("memory (ulimit -d)", limits.data, least_memory),
        ("address space (ulimit -v)", limits.addresses, _LEAST_ADDRESSES),
    ):
        if limit is not None and limit < least:
            found = f"a limit of {limit // _MIB} MiB"
            raise InputError(name, None, found, f"at least {least // _MIB} MiB, or no limit")


def _of_process(name: str) -> int | None:
    """Returns a limit of this process."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(getattr(resource, name))
    return None if soft in (resource.RLIM_INFINITY, -1) or soft >= sys.maxsize else soft


def _of_group(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Returns the smallest limit of the control group (version 2) of this process and of those above it."""
    try:
        path = next(line.split("::", 1)[1] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    group, limits = root / path.strip("/"), []
    while group.is_relative_to(root):
        with suppress(OSError, ValueError):  # no file, or "max"
            limits.append(int((group / "memory.max").read_text()))
        group = group.parent
    return min(limits, default=None)
