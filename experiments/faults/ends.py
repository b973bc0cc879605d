"""How a program ended, and whether its end is one that docs/reference/commands.md describes."""

from collections.abc import Collection
from subprocess import CompletedProcess
from typing import NamedTuple

from experiments.faults.row import demand

_BESIDE = ("note: ", "warning: ")


class Ended(NamedTuple):
    """What became of a command line: its exit status, negative for a signal, and its output."""

    status: int
    stdout: str
    stderr: str


def end_of(done: CompletedProcess[str]) -> Ended:
    """Returns the end of a program that was run and waited for."""
    return Ended(done.returncode, done.stdout, done.stderr)


def check_end(ended: Ended, statuses: Collection[int], shown: str, several: bool = False) -> None:
    """Checks that a program ended with a documented status, and with one line if it did not do its work.

    Args:
      ended: how it ended.
      statuses: the exit statuses that it may have.
      shown: its command line, for the error.
      several: whether it may name several mistakes, a line each.

    Raises:
      Broken: it ended in another way.
    """
    text = f"{shown!r}: status {ended.status}, {ended.stderr[-1500:].strip()!r}"
    demand(ended.status in statuses, text)
    demand("Traceback" not in ended.stdout + ended.stderr, text)
    lines = ended.stderr.removesuffix("\n").split("\n")
    if ended.status in (1, 2):
        demand(lines[-1].startswith("error: "), text)
        beside = (*_BESIDE, "error: ") if several else _BESIDE
        demand(all(line.startswith(beside) for line in lines[:-1]), text)


def outcome_of(ended: Ended) -> str:
    """Returns the end in words."""
    return {0: "accepted", 75: "ended by a signal and saved"}.get(
        ended.status, f"refused with status {ended.status}"
    )
