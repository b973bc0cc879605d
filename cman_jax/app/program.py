"""The frame of every program: how it starts and ends. Bad input is one line on stderr, not a traceback."""

import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from cman_jax.app.flags import parse_flags
from cman_jax.errors import InputError, UnfitSettings, is_out_of_memory, on_one_line

Main = Callable[[Sequence[str]], int | None]
"""The main function of a program; it returns the exit status, None for 0."""


def run_main(main: Main) -> None:
    """Parses the flags, runs `main(argv)` and exits.

    The status is what `main` returns. It is 2 for bad input, a failing file or too little memory, and 130
    after Ctrl-C. A mistake in the flags is one line too, with status 1. `--help` prints the docstring of the
    module of `main` and the flags of the program.
    """
    app.run(lambda argv: _guarded(main, argv), flags_parser=lambda argv: parse_flags(argv, main.__module__))


def _guarded(main: Main, argv: Sequence[str]) -> int | None:
    """Runs `main` with fewer messages of libraries, and turns its errors into lines and exit statuses."""
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.FATAL)  # libraries chatter, and log the errors that they raise
    sys.unraisablehook = _unraisable
    return status_of(lambda: main(argv))


def status_of(run: Callable[[], int | None]) -> int | None:
    """Returns the exit status of a program, after the line of its error if there is one."""
    try:
        status = run()
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of the output is gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (InputError, UnfitSettings, OSError) as error:
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


def _unraisable(error: "sys.UnraisableHookArgs") -> None:
    """Prints an error that cannot be raised, except those of TensorStore's threads after a failed write.

    The first failure of a checkpoint's writes is raised. The others find that nobody waits for them.
    """
    if str(error.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(error)


def error_line(error: InputError | UnfitSettings | OSError) -> str:
    """Returns one line about an error, which begins with the place."""
    if isinstance(error, UnfitSettings):
        error = InputError("flags", None, str(error), "settings that fit together")
    if isinstance(error, OSError) and error.filename is not None:
        return on_one_line(f"error: {error.filename}: {error.strerror or error}")
    return on_one_line(f"error: {error}")


def memory_line(error: BaseException) -> str:
    """Returns one line about a failing allocation: what was being done if that is known, and what to do."""
    notes = getattr(error, "__notes__", [])  # JAX adds others
    during = "".join(f" {note}" for note in notes if note.startswith("while "))
    reason = (str(error).splitlines() or ["no more memory"])[0]
    smaller = "use smaller batches (config.training.batch_size), split long sentences"
    what_to_do = f"{smaller}, or run on a machine with more memory"
    return f"error: out of memory{during} ({reason}): {what_to_do}"
