"""The parsing of many command lines in one process, each by the flags of the program that it names.

    python -m tests.command_lines < LINES

LINES is a JSON list of command lines, each a list of words. The output is a JSON list of [status, text]: the
exit status and all that the program wrote. A command line is parsed, but its program does not run. With the
first word "run" the program runs. The command line "interrupt" is a program that the user interrupts.
"""

import functools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cman_jax.app import program
from experiments.faults.forked import import_slow, in_child, only_parse, start_program


def main() -> None:
    """Answers the command lines on standard input."""
    import_slow()
    with tempfile.TemporaryDirectory() as folder:
        ended = [in_child(functools.partial(_start, words), Path(folder)) for words in json.load(sys.stdin)]
    print(json.dumps([(each.status, each.stdout + each.stderr) for each in ended]))


def _start(words: Sequence[str]) -> None:
    """Starts the program of a command line, or only parses its flags."""
    if words[0] == "interrupt":
        sys.argv = ["cman"]
        program.run_main(_interrupted)
    if words[0] == "run":
        start_program(words[1:])
    else:
        start_program(words, only_parse)


def _interrupted(argv: Sequence[str]) -> None:
    """Ends as a program does when the user presses Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
