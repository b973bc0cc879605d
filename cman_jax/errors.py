"""The error for bad input, which states what was found and what was expected; notes on failed allocations."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def on_one_line(text: str) -> str:
    """Returns text whose ends of lines are written as escapes."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


class InputError(ValueError):
    """An error about malformed input, with the message `file:line: found ..., expected ...`.

    Programs print the message and stop. It is one line, whatever it quotes.

    Args:
      path: the file, as the user named it.
      line: the number of the line, from 1 on; None: the whole file is at fault.
      found: what the input contains at that place.
      expected: what the input should contain at that place.
    """

    def __init__(self, path: str | Path, line: int | None, found: str, expected: str):
        place = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(on_one_line(f"{place}: found {found}, expected {expected}"))
        self.path, self.line, self.found, self.expected = str(path), line, found, expected


class UnfitSettings(ValueError):
    """Settings, runs or devices that do not fit together; a program names them as wrong flags."""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an allocation failed in Python, in NumPy or in a JAX program on any device.

    Args:
      error: the exception that was raised.
    """
    signs = ("RESOURCE_EXHAUSTED", "can't start new thread")  # of JAX; of Python, whose threads need a stack
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in signs)
    )


@contextmanager
def noting_what(doing: str) -> Iterator[None]:
    """Adds the note "while ..." to every error of a failed allocation inside the `with` block.

    Args:
      doing: what the block does, such as "training epoch 3".
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            error.add_note(f"while {doing}")
        raise


def missing_extra(place: str | Path, found: str, extra: str) -> InputError:
    """Returns the error for input or output that needs an optional dependency which is not installed.

    Args:
      place: the file, or the value that the user gave.
      found: what the place contains or asks for, such as "a BERT encoder".
      extra: the name of the extra of `cman-jax` that can read or write it.
    """
    return InputError(place, None, found, f"the extra for it (pip install 'cman-jax[{extra}]')")
