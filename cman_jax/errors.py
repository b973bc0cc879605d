"""The one error that bad input raises, with what was found and what was expected; failing allocations."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Malformed input; programs print it as `file:line: found ..., expected ...` and stop.

    Args:
      path: the file, as the user named it.
      line: 1-based line number, or None when the fault belongs to the file as a whole.
      found: what stands there.
      expected: what should stand there.
    """

    def __init__(self, path: str | Path, line: int | None, found: str, expected: str):
        place = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{place}: found {found}, expected {expected}")
        self.path, self.line, self.found, self.expected = str(path), line, found, expected


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, in Python, in NumPy or in a program of JAX on any device."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    )


@contextmanager
def noting_what(doing: str) -> Iterator[None]:
    """In it, a failing allocation gets the note "while ...". Args: doing: such as "training epoch 3"."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            error.add_note(f"while {doing}")
        raise


def missing_extra(place: str | Path, found: str, extra: str) -> InputError:
    """Returns the error for input that needs an optional dependency which is not installed.

    Args:
      place: the file, or what the user gave.
      found: what is there, such as "a BERT encoder".
      extra: the name of the extra of `cman-jax` that reads it.
    """
    return InputError(place, None, found, f"the extra that reads it (pip install 'cman-jax[{extra}]')")
