"""The command `cman`: hands the rest of the command line over to one of its programs."""

import difflib
import importlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from cman_jax.version import __version__

COMMANDS = {
    "train": "train a network on annotated sentences, and score it",
    "evaluate": "score a trained network on a split of a corpus",
    "report": "write a page about a training: curves, scores, errors, probabilities",
    "extract": "extract entities and relations from text with a trained network",
    "serve": "extract over HTTP, by JSON or on a page",
    "validate": "check a corpus, and print what it contains",
    "convert": "convert annotations between formats, or to the form of this project",
    "package": "pack a trained network into a wheel, which pip installs anywhere",
    "export": "write a trained network as a program that JAX runs without this library's network",
}


def main() -> None:
    """Runs `cman COMMAND [FLAGS]`."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in COMMANDS:
        sys.argv = [f"cman {name}", *rest]
        _run(name)
    elif name in ("--help", "-h", "help"):
        print(overview())
    elif name in ("--version", "-V"):
        print(f"cman {__version__}")
    else:
        print(f"error: {unknown_command(name)}", file=sys.stderr)
        sys.exit(1)


def _run(name: str) -> None:
    """Runs a program. Ctrl-C ends it by one line, also while its modules are imported."""
    before = signal.signal(signal.SIGINT, _end_at_once)
    from cman_jax.app.program import run_main  # not needed by `cman --help`

    program = importlib.import_module(f"cman_jax.app.{name}")
    signal.signal(signal.SIGINT, before)
    run_main(program.main)


def _end_at_once(number: int, frame: FrameType | None) -> NoReturn:
    """Ends the process; an exception inside the import of a compiled module would abort it instead."""
    os.write(2, b"error: interrupted\n")
    os._exit(130)


def overview() -> str:
    """Returns the text of `cman --help`: one line per command."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            "Joint entity and relation extraction: text in, entities and typed relations out.",
            "",
            "  cman COMMAND [--flag=value ...]",
            "",
            *lines,
            "",
            "`cman COMMAND --help` explains a command and its flags; `cman --version` prints the version.",
        ]
    )


def unknown_command(name: str) -> str:
    """Returns the error message for a command that does not exist."""
    nearest = difflib.get_close_matches(name, COMMANDS, 1)
    expected = repr(nearest[0]) if nearest else f"one of {', '.join(COMMANDS)}"
    return f"command: found {name!r}, expected {expected}"


if __name__ == "__main__":
    main()
