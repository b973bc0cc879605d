"""Extracts entities and relations from text with a trained network.

    cman extract --workdir=DIR --input=FILE --output=FILE
    echo 'Jane Roe works for Acme in Boston.' | cman extract --workdir=DIR

Reads one sentence a line: raw text, or JSON, either an object with "tokens" (and optionally "id") or an array
of tokens. Writes one JSON object a line, in the same order: id, text, tokens, entities with token and
character offsets, relations, probabilities. A line without an id gets its number; no id may occur twice.
"""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from absl import flags
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_for_prediction
from cman_jax.app.runtime import start_jax
from cman_jax.data.text import parse_documents
from cman_jax.files import json_text, writing_atomically
from cman_jax.inference.extractor import Extractor

_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of a training run.", required=True)
_INPUT = flags.DEFINE_string("input", "-", "File of lines to read; -: standard input.")
_OUTPUT = flags.DEFINE_string("output", "-", "File to write, whole or not at all; -: standard output.")
_FORMAT = flags.DEFINE_enum(
    "format",
    "auto",
    ["auto", "text", "jsonl"],
    "What the lines are. jsonl: objects with tokens, or arrays of tokens; auto: jsonl if the first line "
    'begins with { or [" or [[ or [{.',
)


def main(argv: Sequence[str]) -> None:
    """Extracts as the flags say, from input of any length."""
    del argv
    start_jax()
    workdir = Path(_WORKDIR.value)
    extractor = Extractor.load(workdir, encoder=encoder_for_prediction(workdir), **decoding_flags())
    with _input() as lines, _output() as output, _progress() as bar:
        task = bar.add_task("sentences", total=None)
        documents = parse_documents(lines, _INPUT.value, _FORMAT.value)
        for record in extractor.records(documents, on_batch=lambda done: bar.advance(task, done)):
            output.write((json_text(record, ensure_ascii=False) + "\n").encode())
        output.flush()


def _progress() -> Progress:
    """Returns a count of sentences on stderr; without a terminal it is silent."""
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())


def _input() -> contextlib.AbstractContextManager[BinaryIO]:
    """Returns standard input, or a file."""
    return contextlib.nullcontext(sys.stdin.buffer) if _INPUT.value == "-" else open(_INPUT.value, "rb")


def _output() -> contextlib.AbstractContextManager[BinaryIO]:
    """Returns standard output, or a file that appears under its name once it is complete."""
    if _OUTPUT.value == "-":
        return contextlib.nullcontext(sys.stdout.buffer)
    return writing_atomically(Path(_OUTPUT.value))
