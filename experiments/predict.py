"""Extracts entities and relations from text with a trained system.

    python -m experiments.predict --workdir=DIR --input=FILE|- --output=FILE|-

Reads one sentence a line: raw text, or JSON, either an object with "tokens" (and optionally "id") or an array
of tokens. Writes one JSON object a line, in the same order: id, text, tokens, entities with token and
character offsets, relations, probabilities. A line without an id has its number for one; no id comes twice.
"""

import contextlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from absl import flags
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction
from cman_jax.app.program import run_main
from cman_jax.app.runtime import start_jax
from cman_jax.data.text import parse_documents
from cman_jax.errors import InputError
from cman_jax.files import json_text
from cman_jax.inference.extractor import CHUNK, Extractor

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a training run.", required=True)
_INPUT = flags.DEFINE_string("input", "-", "File of lines to read; - = standard input.")
_OUTPUT = flags.DEFINE_string("output", "-", "File to write, whole or not at all; - = standard output.")
_FORMAT = flags.DEFINE_enum(
    "format",
    "auto",
    ["auto", "text", "jsonl"],
    "What the lines are. jsonl: objects with tokens, or arrays of tokens; auto: jsonl if the first line "
    'begins with { or [" or [[ or [{.',
)


def main(argv: Sequence[str]) -> None:
    """Reads, extracts and writes chunk by chunk, so that input of any length fits."""
    del argv
    start_jax()
    workdir, decoding = Path(_WORKDIR.value), decoding_flags()
    if decoding.get("labels") == "gold":
        raise InputError(
            "flags", None, "--labels=gold", "--labels=predicted, as lines to predict have no gold"
        )
    extractor = Extractor.load(workdir, encoder=encoder_for_prediction(workdir), **decoding)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    quiet = not sys.stderr.isatty()
    with (
        _input() as lines,
        _output() as output,
        Progress(*columns, console=Console(stderr=True), disable=quiet) as bar,
    ):
        task = bar.add_task("sentences", total=None)
        documents = parse_documents(lines, _INPUT.value, _FORMAT.value)
        while chunk := list(itertools.islice(documents, CHUNK)):
            for record in extractor.extract(chunk, on_batch=lambda done: bar.advance(task, done)):
                output.write((json_text(record, ensure_ascii=False) + "\n").encode())
            output.flush()


def _input() -> contextlib.AbstractContextManager[BinaryIO]:
    return contextlib.nullcontext(sys.stdin.buffer) if _INPUT.value == "-" else open(_INPUT.value, "rb")


@contextlib.contextmanager
def _output() -> Iterator[BinaryIO]:
    """Standard output, or a file that appears under its name once it is complete."""
    if _OUTPUT.value == "-":
        yield sys.stdout.buffer
        return
    target = Path(_OUTPUT.value)
    partial = target.with_name(f".{target.name}.part")
    with partial.open("wb") as file:
        try:
            yield file
        except BaseException:
            partial.unlink()
            raise
    partial.replace(target)


if __name__ == "__main__":
    run_main(main)
