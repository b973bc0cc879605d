"""The forms of extracted records: lines of JSON or tables as a stream, folders of brat, and pages of HTML."""

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cman_jax.data.formats.brat import refuse_name, refuse_types, standoff, text_bytes
from cman_jax.data.text import Document
from cman_jax.errors import InputError
from cman_jax.files import json_text, write_atomically, writing_folder_atomically
from cman_jax.inference.chunks import CHUNK
from cman_jax.inference.record import Record
from cman_jax.inference.tables import HEADERS, Rows, rows_of, table_lines
from cman_jax.page.html import page_to_write, render
from cman_jax.partial_file import PartialFile

TABLES = ("csv", "tsv")
STREAMS = ("jsonl", *TABLES)
FORMS = (*STREAMS, "brat", "html")
STANDARD_OUTPUT = "-"
KEEP_EVERY = CHUNK
"""Records between two moments at which an interrupted output can be continued.

A network reads whole chunks, so that a continued output has the batches of an uninterrupted output.
"""

Pairs = Iterable[tuple[Document, Record]]


def form_of(output: str, to: str) -> str:
    """Returns the form of an output: the one that is asked for, or the one that its suffix says.

    Raises:
      InputError: the form needs a file or a folder, and the output is standard output; or the form is html,
        and no page can be written there, or the extra `page` is not installed.
    """
    suffix = Path(output).suffix.removeprefix(".")
    form = to if to != "auto" else suffix if suffix in FORMS else "jsonl"
    if form not in STREAMS and output == STANDARD_OUTPUT:
        raise InputError("flags", None, f"--to={form} without --output", "a file for html, a folder for brat")
    if form == "html":
        page_to_write(Path(output))
    return form


def print_stream(pairs: Pairs, form: str, rows: Rows) -> None:
    """Writes records to standard output, each at once. The form is one of `STREAMS`."""
    lines = _lines(form, rows)
    sys.stdout.buffer.write(_header(form, rows))
    for _, record in pairs:
        sys.stdout.buffer.write(lines(record))
        sys.stdout.buffer.flush()


def write_stream(
    pairs_after: Callable[[int], Pairs],
    output: Path,
    form: str,
    rows: Rows,
    about: dict[str, Any],
    resume: bool,
) -> None:
    """Writes records one after the other into a file.

    Args:
      pairs_after: returns the records after so many.
      output: the file.
      form: one of `STREAMS`.
      rows: what the rows of a table are.
      about: what the output depends on.
      resume: whether to continue an interrupted output.
    """
    lines = _lines(form, rows)
    with PartialFile(output, about, resume) as file:
        if not file.items:
            file.write(_header(form, rows))
        for number, (_, record) in enumerate(pairs_after(file.items), file.items + 1):
            file.write(lines(record))
            if number % KEEP_EVERY == 0:
                file.keep(number)


def _header(form: str, rows: Rows) -> bytes:
    """Returns the first line of a table; nothing for JSON."""
    return b"" if form == "jsonl" else table_lines([HEADERS[rows]], _DELIMITERS[form]).encode()


_DELIMITERS = {"csv": ",", "tsv": "\t"}


def _lines(form: str, rows: Rows) -> Callable[[Record], bytes]:
    """Returns the function that makes the lines of a record."""
    if form == "jsonl":
        return lambda record: (json_text(record, ensure_ascii=False) + "\n").encode()
    return lambda record: table_lines(rows_of(record, rows), _DELIMITERS[form]).encode()


def write_brat(pairs: Pairs, folder: Path) -> None:
    """Writes NAME.txt and NAME.ann for each document; the sentences of a document follow one another.

    Raises:
      InputError: a document's id cannot be the name of a file in the folder, or two ids need the same file;
        the folder contains files already; or a type contains white space.
    """
    id_of: dict[str, str] = {}
    with writing_folder_atomically(folder) as new:
        for name, sentences in itertools.groupby(pairs, lambda pair: pair[1]["document"]):
            stem = name.removesuffix(".txt")
            if id_of.setdefault(stem, name) != name:
                found = f"the ids {id_of[stem]!r} and {name!r}"
                raise InputError(folder, None, found, "ids whose texts have different file names")
            refuse_name(folder, name)
            text, annotations = _standoff_of(sentences, folder)
            write_atomically(new / f"{stem}.txt", text_bytes(text))
            write_atomically(new / f"{stem}.ann", annotations.encode())


def _standoff_of(sentences: Pairs, folder: Path) -> tuple[str, str]:
    """Returns the text of a document and its annotations in brat's form."""
    text, entities, relations = "", [], []
    for document, record in sentences:
        text = document.source or document.text
        types = [found["type"] for found in (*record["entities"], *record["relations"])]
        refuse_types(folder, record["id"], types)
        first, start = len(entities), record["document_start"]
        entities += [(e["start_char"] + start, e["end_char"] + start, e["type"]) for e in record["entities"]]
        relations += [(r["subject"] + first, r["object"] + first, r["type"]) for r in record["relations"]]
    return text, standoff(entities, relations, text)


def write_html(pairs: Pairs, path: Path, title: str) -> None:
    """Writes one page with all records, which must fit memory."""
    write_atomically(path, render((record for _, record in pairs), title).encode())
