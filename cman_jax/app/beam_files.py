"""The pipeline of `cman extract --runner`: files in, files of records and of failed texts out.

One worker reads a file, and all workers share its texts. Records have no order; Apache Beam writes them into
several files with names such as NAME-00000-of-00004.jsonl.
"""

import contextlib
import io
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions, WorkerOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from cman_jax.app.beam import NAMESPACE, Extract, beam, failure, reason_of
from cman_jax.data.inputs import text_documents
from cman_jax.data.text import LineKind, Sentences, kind_of, parse_line
from cman_jax.errors import InputError
from cman_jax.files import decode_line, json_text, show, skip_bom
from cman_jax.folders import files_below, is_hidden
from cman_jax.types import is_unicode

_SUFFIXES = (".txt", ".jsonl", ".parquet")
_COLUMNS = ("id", "text", "tokens")
_ROWS = 1024  # of a Parquet file, in memory at once


class Source(NamedTuple):
    """A file of texts.

    Attributes:
      path: its path, in any file system that Beam knows.
      name: its path inside the folder that is read; empty: the file is the whole input.
    """

    path: str
    name: str = ""


class Counts(NamedTuple):
    """How many records were written, and how many texts failed."""

    records: int
    failures: int


def pipeline_options(runner: str, options: str) -> PipelineOptions:
    """Returns Beam's options.

    Args:
      runner: the name of a runner, such as "DirectRunner".
      options: options of the runner, divided as by a shell, such as "--direct_num_workers=2".

    Raises:
      InputError: no such runner exists or is installed, or an option or its value is wrong.
    """
    complaint = io.StringIO()
    try:
        words = shlex.split(options)
    except ValueError as error:
        raise InputError("flags", None, f"--runner_options={options} ({error})", "closed quotes") from None
    try:
        with contextlib.redirect_stderr(complaint):
            found = PipelineOptions([f"--runner={runner}", *words])
            known, given = (found.get_all_options(retain_unknown_options=keep) for keep in (False, True))
            beam.Pipeline(options=found)  # which looks for the runner
    except SystemExit:  # of argparse
        last = complaint.getvalue().strip().rpartition("error: ")[2]
        raise InputError("flags", None, f"--runner_options with {last}", "options of the runner") from None
    except (ImportError, ValueError) as error:
        raise InputError("flags", None, f"--runner={runner}", f"a runner of Beam ({error})") from None
    unknown = sorted(given.keys() - known.keys())
    if unknown and runner == "DirectRunner":  # other runners take options that Beam does not know here
        named = ", ".join(f"--{name}" for name in unknown)
        raise InputError("flags", None, f"--runner_options with {named}", "options of the runner")
    worker = found.view_as(WorkerOptions)
    worker.default_sdk_harness_log_level = worker.default_sdk_harness_log_level or "ERROR"
    return found


def sources(path: str) -> list[Source]:
    """Returns a file, or the *.txt, *.jsonl and *.parquet files of a folder and of the folders below it.

    Hidden files are left out.

    Raises:
      InputError: neither exists, the folder contains no such file, or its file system is not installed.
    """
    folder = path.rstrip("/") + "/"
    try:
        if Path(path).is_dir():
            local = files_below(Path(path), _SUFFIXES)
            found = [Source(str(file), file.relative_to(path).as_posix()) for file in local]
        elif FileSystems.exists(path):
            return [Source(path)]
        else:  # stores of objects have no folders, only names that begin alike
            (match,) = FileSystems.match([f"{folder}**"])
            paths = sorted(file.path for file in match.metadata_list)
            named = [Source(each, each.removeprefix(folder)) for each in paths]
            found = [s for s in named if s.name.lower().endswith(_SUFFIXES) and not is_hidden(s.name)]
    except (ValueError, BeamIOError) as error:
        raise InputError(path, None, str(error), "a file or a folder that Beam can read") from None
    if not found:
        raise InputError(path, None, "no *.txt, *.jsonl or *.parquet file", "a file or a folder of texts")
    return found


def extract_files(
    inputs: Sequence[Source], output: str, extract: Extract, reader: "Reader", options: PipelineOptions
) -> Counts:
    """Runs the pipeline to its end.

    Args:
      inputs: the files.
      output: NAME.jsonl: records are written to NAME-*.jsonl, failed texts to NAME.failed-*.jsonl.
      extract: the extraction.
      reader: how files are read.
      options: Beam's options.

    Raises:
      InputError: files of this output exist, or the runner has ended without a result.
    """
    stem = output.removesuffix(".jsonl")
    if any(found.metadata_list for found in FileSystems.match([f"{stem}-*", f"{stem}.failed-*"])):
        raise InputError(output, None, f"files {stem}-*", "the name of a new output")
    pipeline = beam.Pipeline(options=options)
    files = pipeline | "Files" >> beam.Create(inputs) | "Share files" >> beam.Reshuffle()
    read = files | "Read" >> beam.FlatMap(reader).with_outputs("failures", main="texts")
    found = read.texts | "Share texts" >> beam.Reshuffle() | "Extract" >> extract
    failures = (read.failures, found.failures) | "All failures" >> beam.Flatten()
    found.records | "Write records" >> _writer(stem)
    failures | "Write failures" >> _writer(f"{stem}.failed")
    result = pipeline.run()
    if result.wait_until_finish() not in (PipelineState.DONE, None):
        raise InputError(output, None, f"the runner's state {result.state}", "a pipeline that ends well")
    return Counts(*(_count(result, name) for name in Counts._fields))


def _writer(stem: str) -> beam.PTransform:
    """Returns the transform that writes objects as lines of JSON; without any, it writes no file."""
    lines = beam.Map(lambda value: json_text(value, ensure_ascii=False))
    return lines | beam.io.WriteToText(stem, ".jsonl", skip_if_empty=True)


def _count(result: PipelineResult, name: str) -> int:
    """Returns the sum of a counter over all workers."""
    counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE).with_name(name))["counters"]
    return sum(each.result for each in counters)


class Reader:
    """The texts of a file, as elements of `Extract`.

    Args:
      kind: what the lines of a file are that is the whole input; in a folder, the suffix decides.
      sentences: how raw text becomes sentences.
    """

    def __init__(self, kind: LineKind, sentences: Sentences):
        self._kind, self._sentences = kind, sentences

    def __call__(self, source: Source) -> Iterator[Any]:
        """Yields the texts of a file, and a failure for each line that cannot be read.

        A line or row without an id gets its number, and in a folder the file's name before it.
        """
        try:
            if source.path.lower().endswith(".parquet"):
                yield from self._rows(source)
            elif source.name.lower().endswith(".txt"):
                yield from self._whole(source)
            else:
                yield from self._lines(source)
        except (ValueError, OSError) as error:
            yield failure(source.path, reason_of(error))

    def _whole(self, source: Source) -> Iterator[Any]:
        """Yields the text of a file that is one document, or its lines if they are the sentences."""
        with FileSystems.open(source.path) as file:
            text = skip_bom(file.read()).decode()
        if self._sentences == "split":
            yield {"id": source.name, "text": text}
        else:
            for document in text_documents(text, source.name, "line"):
                yield document._replace(source="")  # each would carry the whole text

    def _rows(self, source: Source) -> Iterator[dict[str, Any]]:
        """Yields the rows of a Parquet file."""
        from pyarrow import parquet  # Beam depends on it

        with FileSystems.open(source.path) as opened:
            file = parquet.ParquetFile(opened)
            columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
            if not {"text", "tokens"} & set(columns):
                found = f"the columns {', '.join(file.schema_arrow.names)}"
                raise InputError(source.path, None, found, "a column text, or a column tokens")
            number = 0
            for batch in file.iter_batches(_ROWS, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    filled = {name: value for name, value in row.items() if value is not None}
                    yield {"id": _name(source, number), **filled}

    def _lines(self, source: Source) -> Iterator[Any]:
        """Yields the lines of a file."""
        kind: LineKind = "jsonl" if source.name else self._kind
        with FileSystems.open(source.path) as file:
            for number, raw in enumerate(iter(file.readline, b""), 1):
                try:
                    line = decode_line(raw, source.path, number)
                    kind = kind_of(line, source.path) if kind == "auto" and line.strip() else kind
                    yield _element(line, kind, source, number)
                except InputError as error:
                    text = raw.decode(errors="backslashreplace").rstrip("\r\n")
                    yield failure(text, reason_of(error))


def _element(line: str, kind: LineKind, source: Source, number: int) -> Any:
    """Returns a line as an element with an id."""
    name = _name(source, number)
    if kind != "jsonl" or not line.strip():
        return {"id": name, "text": line}
    value = parse_line(line, source.path, number)
    if not is_unicode(json_text(value, ensure_ascii=False)):  # Beam could not hand it on
        raise InputError(
            source.path, number, f"half of a surrogate pair in {show(value)}", "whole characters"
        )
    if isinstance(value, list):
        return {"id": name, "tokens": value}
    return {"id": name, **value} if isinstance(value, dict) else value


def _name(source: Source, number: int) -> str:
    """Returns the id of a line or a row without one."""
    return f"{source.name}:{number}" if source.name else str(number)
