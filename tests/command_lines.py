"""The parsing of many command lines in one process, each by the flags of the program that it names.

    python -m tests.command_lines < LINES

LINES is a JSON list of command lines, each a list of words. The output is a JSON list of [status, text]: the
exit status and all that the program wrote. A command line is parsed, but its program does not run. With the
first word "run" the program runs. The command line "interrupt" is a program that the user interrupts.

Each command line has a child process of its own, because flags are global. The children share the imports.
"""

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
from collections.abc import Callable, Sequence

from absl import flags

from cman_jax.app import program
from cman_jax.app.flags import parse_flags

_SLOW = (
    "cman_jax.training.loop",
    "cman_jax.inference.extractor",
    "experiments.benchmarking.measures",
    "experiments.reproduction.training",
    "experiments.reproduction.figures",
    "data_prep.generated.corpus",
    "ml_collections.config_flags",
)
"""Modules that take long to import and define no flags of a program."""


def main() -> None:
    """Answers the command lines on standard input."""
    for module in _SLOW:
        importlib.import_module(module)
    assert not {"workdir", "data", "config", "encoder"} & set(flags.FLAGS), "a slow module defines flags"
    print(json.dumps([_in_child(words) for words in json.load(sys.stdin)]))


def _in_child(words: Sequence[str]) -> tuple[int, str]:
    """Returns the exit status of a command line and what it writes."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with os.fdopen(reading) as file:
            text = file.read()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text
    status, output = 70, io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            status = _status(words)
    finally:
        with os.fdopen(writing, "w") as file:
            file.write(output.getvalue())
        os._exit(status)


def _status(words: Sequence[str]) -> int:
    """Returns the exit status of a command line; 70 for an error of the program itself."""
    if words[0] == "interrupt":
        sys.argv = ["cman"]
        return _ended(lambda: program.run_main(_interrupted))
    if words[0] == "run":
        words = words[1:]
    else:
        program.run_main = _parse
    return _ended(lambda: _start(words))


def _ended(start: Callable[[], None]) -> int:
    """Returns the exit status of a program that `start` starts."""
    try:
        start()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
        return 70
    return 0


def _start(words: Sequence[str]) -> None:
    """Starts `cman ...` or `python -m MODULE ...`."""
    arguments = list(words[1:] if words[0] == "cman" else words[3:])
    module = "cman_jax.app" if words[0] == "cman" else words[2]
    sys.argv = [module, *arguments]
    if module == "cman_jax.app":
        importlib.import_module("cman_jax.app.__main__").main()
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=False)


def _parse(program_main: program.Main) -> None:
    """Parses the flags as `run_main` does, and does not run the program."""
    parse_flags(sys.argv, program_main.__module__)


def _interrupted(argv: Sequence[str]) -> None:
    """Ends as a program does when the user presses Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
