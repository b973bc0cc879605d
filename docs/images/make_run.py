"""The script that makes run.svg: a training on the generated corpus and an extraction, as in a terminal.

    python docs/images/make_run.py

Of the tables that the training prints, the picture has the relations of test.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("run.svg")
_TRAIN = "cman train --config=generated --data=data/generated --workdir=runs/first"
_SENTENCE = "Jane Roe works for Acme Corp. in Boston."
_EXTRACT = "cman extract --workdir=runs/first"


def main() -> None:
    """Runs the commands in an empty folder and writes the picture."""
    console = Console(record=True, width=132, file=StringIO(), force_terminal=True)
    with TemporaryDirectory() as folder:
        _output("python -m data_prep.generated --out=data/generated", folder)
        _show(console, _TRAIN, _shortened(_output(_TRAIN, folder)))
        _show(console, f"echo '{_SENTENCE}' | {_EXTRACT}", _output(_EXTRACT, folder, _SENTENCE).splitlines())
    PICTURE.write_text(console.export_svg(title="cman", unique_id="run"))


def _output(command: str, folder: str, typed: str = "") -> str:
    """Returns what a command prints."""
    _, *words = command.replace("cman", "python -m cman_jax.app").split()
    done = subprocess.run(
        [sys.executable, *words], input=typed, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _shortened(output: str) -> Iterator[str]:
    """Yields the lines without those about the corpus and without all tables but one."""
    before, after = output.split("\ntest, epoch ", 1)
    heading, _, relations, *_, report, last = after.strip().split("\n\n")
    yield from (line for line in before.splitlines() if line.startswith(("encoder:", "epoch ")))
    yield from ("", f"test, epoch {heading}", "", *relations.splitlines(), "", report, last)


def _show(console: Console, command: str, lines: Iterable[str]) -> None:
    """Prints a command and what it prints."""
    console.print(Text.assemble(("$ ", "green"), (command, "bold")))
    for line in lines:
        console.print(Text(line, "cyan" if line.startswith("*") else ""))


if __name__ == "__main__":
    main()
