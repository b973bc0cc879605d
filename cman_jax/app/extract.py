"""Extracts entities and relations from text with a trained network.

    cman extract --workdir=DIR --input=text.txt --output=found.jsonl
    cman extract --workdir=DIR --input=FOLDER --output=triples.csv
    echo 'Jane Roe works for Acme in Boston.' | cman extract --workdir=DIR
    cman extract --workdir=RUN_A,RUN_B,RUN_C --input=text.txt
    cman extract --workdir=DIR --input=FOLDER --output=found.jsonl --runner=DirectRunner

Reads a file, a folder of *.txt and *.jsonl files, or standard input. A line of a file is a document: raw
text, or JSON, either an object with "text" or "tokens" (and optionally "id"), or an array of tokens. Raw text
is divided into sentences. Writes one record per sentence, in the same order; a document without an id has the
number of its line, in a folder FILE:NUMBER. The form of the output follows from the suffix of --output, or
--to names it. --runner shares the work between the processes or machines of a runner of Apache Beam.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cman_jax.app import outputs
from cman_jax.app.decoding_flags import decoding_flags
from cman_jax.app.encoder_flags import encoder_name
from cman_jax.app.flags import refuse_unread
from cman_jax.app.network import network_of_flags
from cman_jax.app.origin import origin
from cman_jax.app.run_flag import name_of_run
from cman_jax.app.runtime import cache_if_given, start_jax
from cman_jax.data.arrival import groups_as_they_arrive, groups_of
from cman_jax.data.inputs import (
    STANDARD_INPUT,
    input_documents,
    input_size,
    is_read,
    is_stream,
    parse_shard,
)
from cman_jax.data.text import Document
from cman_jax.errors import InputError
from cman_jax.inference.chunks import CHUNK
from cman_jax.inference.extractor import Extractor
from cman_jax.inference.record import Record
from cman_jax.inference.tables import HEADERS

_INPUT = flags.DEFINE_string("input", "-", "File or folder to read; -: standard input.")
_OUTPUT = flags.DEFINE_string(
    "output", "-", "File to write, or folder for brat; it appears when it is complete. -: standard output."
)
_FORMAT = flags.DEFINE_enum(
    "format",
    "auto",
    ["auto", "text", "jsonl"],
    "What the lines are. jsonl: objects with text or tokens, or arrays of tokens; auto: jsonl if the name "
    'ends in .jsonl, or the first line begins with { or [" or [[ or [{.',
)
_SENTENCES = flags.DEFINE_enum(
    "sentences",
    "split",
    ["split", "line"],
    "How raw text becomes sentences: split finds their ends, line takes each line as one sentence.",
)
_TO = flags.DEFINE_enum(
    "to",
    "auto",
    ["auto", *outputs.FORMS],
    "Form of the output: jsonl, one record a line; csv or tsv, a table; brat, a folder of texts with "
    "annotations; html, a page. auto: the suffix of --output, else jsonl.",
)
_ROWS = flags.DEFINE_enum("rows", "triples", list(HEADERS), "What the rows of csv and tsv are.")
_SHARD = flags.DEFINE_string("shard", None, "Part of the input: 3/16 reads documents 3, 19, 35, ...")
_RESUME = flags.DEFINE_bool("resume", False, "Continue the interrupted output OUTPUT.partial.")
_RUNNER = flags.DEFINE_string(
    "runner",
    None,
    "Runner of Apache Beam, such as DirectRunner, FlinkRunner, SparkRunner or DataflowRunner. Records are "
    "written to NAME-*.jsonl for an output NAME.jsonl, texts that fail to NAME.failed-*.jsonl with reasons.",
)
_RUNNER_OPTIONS = flags.DEFINE_string(
    "runner_options",
    None,
    "Options of the runner, divided as by a shell: "
    "'--direct_running_mode=multi_processing --direct_num_workers=2'.",
)


def main(argv: Sequence[str]) -> None:
    """Extracts as the flags say, from input of any length."""
    del argv
    if _RUNNER.value:
        _extract_on_runner()
        return
    refuse_unread([_RUNNER_OPTIONS.name], "--runner=NAME beside it")
    form = outputs.form_of(_OUTPUT.value, _TO.value)
    if is_read(Path(_OUTPUT.value), _INPUT.value):
        raise InputError(_OUTPUT.value, None, "a file of the input", "another file to write")
    if form not in outputs.TABLES:
        refuse_unread([_ROWS.name], "--to=csv or --to=tsv beside it")
    shard = parse_shard(_SHARD.value) if _SHARD.value else (0, 1)
    _check_resume(form)
    start_jax()
    (_, extractor), size = network_of_flags(), input_size(_INPUT.value)
    for note in extractor.notes:
        print(f"note: {note}", file=sys.stderr)
    groups = groups_as_they_arrive if is_stream(_INPUT.value) else groups_of
    with _progress(size) as bar:
        task = bar.add_task("reading", total=size)

        def pairs_after(items: int) -> Iterator[tuple[Document, Record]]:
            documents = input_documents(
                *(_INPUT.value, _FORMAT.value, _SENTENCES.value, shard),
                on_bytes=lambda count: bar.advance(task, count),
            )
            for group in groups(itertools.islice(documents, items, None), CHUNK):
                yield from zip(group, extractor.records(group), strict=True)

        if form == "brat":
            outputs.write_brat(pairs_after(0), Path(_OUTPUT.value))
        elif form == "html":
            outputs.write_html(pairs_after(0), Path(_OUTPUT.value), Path(_INPUT.value).name)
        elif _OUTPUT.value == outputs.STANDARD_OUTPUT:
            outputs.print_stream(pairs_after(0), form, _ROWS.value)
        else:
            options = {flag.name: flag.value for flag in (_ROWS, _FORMAT, _SENTENCES, _SHARD)}
            about = origin(extractor, _INPUT.value, {"form": form, **options})
            outputs.write_stream(pairs_after, Path(_OUTPUT.value), form, _ROWS.value, about, _RESUME.value)


def _extract_on_runner() -> None:
    """Extracts by Apache Beam."""
    from cman_jax.app.beam import Extract
    from cman_jax.app.beam_files import Reader, extract_files, pipeline_options, sources

    refuse_unread(("rows", "shard", "resume", "features"), "none of them, because --runner is given")
    if STANDARD_INPUT in (_INPUT.value, _OUTPUT.value) or _TO.value not in ("auto", "jsonl"):
        found = f"--runner with --input={_INPUT.value} --output={_OUTPUT.value} --to={_TO.value}"
        raise InputError("flags", None, found, "a file or a folder to read, and NAME.jsonl to write")
    options = pipeline_options(_RUNNER.value, _RUNNER_OPTIONS.value or "")
    inputs = sources(_INPUT.value)
    start_jax()
    run: dict[str, Any] = {"workdir": name_of_run(), "encoder": encoder_name(), **decoding_flags()}
    for name in ("workdir", "encoder", "constraints"):
        run[name] = _whole_path(run.get(name))
    for note in Extractor.load(**run).notes:  # its mistakes are found here, not on a worker
        print(f"note: {note}", file=sys.stderr)
    extract = Extract(**run, sentences=_SENTENCES.value, compilation_cache=cache_if_given())
    reader = Reader(_FORMAT.value, _SENTENCES.value)
    counts = extract_files(inputs, _OUTPUT.value, extract, reader, options)
    print(f"{counts.records} records, {counts.failures} failed texts", file=sys.stderr)


def _whole_path(value: str | None) -> str | None:
    """Returns the whole path of what exists, because a worker may have another working directory."""
    is_path = value not in (None, "none", "learned") and Path(value).exists()
    return str(Path(value).resolve()) if is_path else value


def _check_resume(form: str) -> None:
    """Raises an InputError if an output of this form and this input cannot be continued."""
    if not _RESUME.value:
        return
    if form not in outputs.STREAMS or _OUTPUT.value == outputs.STANDARD_OUTPUT:
        to = "standard output" if _OUTPUT.value == outputs.STANDARD_OUTPUT else form
        raise InputError("flags", None, f"--resume with {to}", "a file of jsonl, csv or tsv to continue")
    if _INPUT.value == STANDARD_INPUT or is_stream(_INPUT.value):
        raise InputError("flags", None, "--resume without a stored input", "a file or a folder to read again")


def _progress(size: int | None) -> Progress:
    """Returns a bar of the bytes that have been read on stderr; without a terminal it is silent."""
    known = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    columns = known if size else (MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"), *columns, console=console, disable=not sys.stderr.isatty()
    )
