"""How every program of this project ends: bad input is one line on stderr, never a traceback."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence

from absl import app, flags, logging

from cman_jax.app.flags import parse_flags
from cman_jax.errors import InputError, is_out_of_memory


def error_line(error: InputError | OSError) -> str:
    """What is printed of an error: one line that begins with the place."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"error: {error.filename}: {error.strerror or error}"
    return f"error: {error}"


def memory_line(error: BaseException) -> str:
    """What is printed of a failing allocation: what was being done if that is known, and what to do."""
    notes = getattr(error, "__notes__", [])  # JAX adds others
    during = "".join(f" {note}" for note in notes if note.startswith("while "))
    reason = (str(error).splitlines() or ["no more memory"])[0]
    what_to_do = "use smaller batches, split long sentences, or run on a machine with more memory"
    return f"error: out of memory{during} ({reason}): {what_to_do}"


def refuse_unread(names: Iterable[str], expected: str) -> None:
    """Refuses flags that the command line gives and that nothing would read.

    Args:
      names: of the flags; one that the program does not have is passed over.
      expected: when they would be read, or what to give instead.

    Raises:
      InputError: names the flags that are given.
    """
    given = [f"--{name}" for name in names if name in flags.FLAGS and flags.FLAGS[name].present]
    if given:
        raise InputError("flags", None, ", ".join(given), expected)


def run_main(main: Callable[[Sequence[str]], int | None]) -> None:
    """Parses the flags, runs `main(argv)` and exits.

    The status is what `main` returns (None is 0), 2 for bad input, a failing file or too little memory, 130
    after Ctrl-C. A mistake in the flags is one line too, with status 1.
    """

    def guarded(argv: Sequence[str]) -> int | None:
        if len(argv) > 1:
            raise app.UsageError(f"found the argument {argv[1]!r}, expected only flags (--name=value)")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.ERROR)  # libraries chatter
        try:
            status = main(argv)
            sys.stdout.flush()
            return status
        except BrokenPipeError:  # the reader of our output has gone, as with `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (InputError, OSError) as error:
            print(error_line(error), file=sys.stderr)
            return 2
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            print(memory_line(error), file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("error: interrupted", file=sys.stderr)
            return 130

    app.run(guarded, flags_parser=parse_flags)
