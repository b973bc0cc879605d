"""One row of the table of faults: what is provoked, how often, and what must hold afterwards."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError


class Broken(Exception):
    """The error for a promise that was not kept; the message says what was seen instead."""


class Row(NamedTuple):
    """A fault that is provoked many times.

    Its functions are those of a module, so that processes can share it.

    Attributes:
      name: the name for the command line and for files.
      fault: the fault in words.
      tries: how often the whole campaign provokes the fault.
      promise: what must hold after each attempt, in words.
      prepare: makes in a folder what all attempts need, and returns it. Rows with the same function share the
        folder. Each process calls it once, one process at a time; what is there already is only read.
      attempt: provokes the fault, with what `prepare` returned, in an empty folder, as the random numbers
        say. Returns the outcome in a few words, and raises an error if the promise is not kept.
      seconds: an attempt that takes longer has failed.
      each: how often an attempt provokes the fault.
    """

    name: str
    fault: str
    tries: int
    promise: str
    prepare: Callable[[Path], Any]
    attempt: Callable[[Any, Path, random.Random], str]
    seconds: float = 60.0
    each: int = 1


def demand(kept: bool, seen: str) -> None:
    """Raises a Broken with what was seen, unless the promise is kept."""
    if not kept:
        raise Broken(seen)


def refused(error: InputError) -> str:
    """Returns the outcome of an attempt that ended with an error for bad input.

    Raises:
      Broken: the error is longer than a line.
    """
    demand("\n" not in str(error), f"an error of several lines: {error}")
    return "refused"
