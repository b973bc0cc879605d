"""Extraction by Apache Beam: the records of the plain command, and failures that fail alone."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cman_jax.data.text import Document
from cman_jax.inference.extractor import Extractor
from tests import documents
from tests.builders import quick_compilation
from tests.documents import ROOT
from tests.finished_run import finished_run
from tests.forked import Forked

beam = pytest.importorskip("apache_beam", reason="needs the extra beam: make beam")

from apache_beam.testing.util import assert_that, equal_to  # noqa: E402

from cman_jax.app.beam import Extract, ExtractorHandler  # noqa: E402

LINES = (
    '{"id": "a", "text": "Ada Lovelace lived in London. Ben left Acme."}',
    '{"tokens": ["Ben", "left", "Acme", "."]}',
    "",
    '{"id": "c", "text": "Nobody came."}',
)
BROKEN = ('{"id": "d", "txt": "Ann left."}', "{broken", '{"text": "half \\ud800"}', "7")


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small network with random parameters, which finds something in most sentences."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    finished_run(folder)
    return folder


def cman_extract(workdir: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own."""
    command = ["env", "JAX_DISABLE_MOST_OPTIMIZATIONS=1", f"PYTHONPATH={ROOT}", sys.executable]
    command += ["-m", "cman_jax.app", "extract", f"--workdir={workdir}", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def rows_of(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Returns the objects of files of JSON lines."""
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def rounded(record: dict[str, Any]) -> dict[str, Any]:
    """Returns a record without the last digit of its probabilities, which depends on the batch."""
    return json.loads(json.dumps(record), parse_float=lambda text: round(float(text), 4))


def test_two_workers_write_the_records_of_the_plain_command_and_the_failures_apart(
    workdir: Path, tmp_path: Path
) -> None:
    whole, mixed = tmp_path / "whole.jsonl", tmp_path / "mixed.jsonl"
    whole.write_text("\n".join(LINES) + "\n")
    mixed.write_bytes("\n".join([*LINES, *BROKEN]).encode() + b"\n\xff\n")
    plain = cman_extract(workdir, f"--input={whole}", f"--output={tmp_path / 'plain.jsonl'}")
    assert plain.returncode == 0, plain.stderr
    flags = (f"--input={mixed}", f"--output={tmp_path / 'found.jsonl'}", "--runner=DirectRunner")
    two = "--runner_options=--direct_running_mode=multi_processing --direct_num_workers=2"
    done = cman_extract(workdir, *flags, two)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "5 records, 5 failed texts"
    expected = {row["id"]: rounded(row) for row in rows_of([tmp_path / "plain.jsonl"])}
    found = [rounded(row) for row in rows_of(tmp_path.glob("found-*.jsonl"))]
    assert {row["id"]: row for row in found} == expected
    assert len(found) == len(expected) == 5
    assert any(row["entities"] for row in found)
    failed = {row["reason"].partition(": found ")[0]: row for row in rows_of(tmp_path.glob("found.failed-*"))}
    assert set(failed) == {"text d", "element", *(f"{mixed}:{number}" for number in (6, 7, 9))}
    assert failed["text d"]["element"] == json.loads(BROKEN[0])
    assert failed[f"{mixed}:6"]["element"] == "{broken"
    assert "bytes that are not valid UTF-8" in failed[f"{mixed}:9"]["reason"]
    again = cman_extract(workdir, *flags)
    assert again.returncode == 2
    assert again.stderr.endswith("-*, expected the name of a new output\n")


class Poisoned(Extractor):
    """An extractor that fails at one document. Attributes: calls: the sizes of its batches."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def records(self, documents: list[Document]) -> Iterator[dict[str, Any]]:
        """Yields records, until a document is poison."""
        self.calls.append(len(documents))
        for document in documents:
            if "poison" in document.text:
                raise RuntimeError("a\nb")
            yield {"id": document.sentence.id}


def test_a_text_that_fails_in_the_network_fails_alone() -> None:
    texts = [{"id": str(k), "text": f"Text {k}. It has two sentences."} for k in range(16)]
    texts[11]["text"] += " It is poison."
    extractor = Poisoned()
    handler = ExtractorHandler("nowhere")
    answers = handler.run_inference(texts, extractor)
    assert [answer.element for answer in answers] == texts
    assert [answer.reason for answer in answers] == 11 * [""] + ["RuntimeError: a\\nb"] + 4 * [""]
    assert [[record["id"] for record in answer.records] for answer in answers] == [
        [] if k == 11 else [f"{k}.1", f"{k}.2"] for k in range(16)
    ]
    assert len(extractor.calls) == 9  # the batch, then two halves at each of four levels
    with pytest.raises(TypeError, match="give options to ExtractorHandler"):
        handler.run_inference(texts, extractor, {"threshold": 0.5})


def test_every_kind_of_element_is_read_and_every_other_is_refused() -> None:
    elements = [
        "Ann left.",
        ["Ann", "left"],
        {"id": 7, "text": "A b. C d."},
        {"tokens": ["x"]},
        5,
        {"id": "e"},
    ]
    elements += [["two words"], {"text": "\ud800"}, {"text": object()}]
    handler = ExtractorHandler("nowhere", sentences="line")
    answers = handler.run_inference(elements, Poisoned())
    assert [len(answer.records) for answer in answers] == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert [bool(answer.reason) for answer in answers] == [not answer.records for answer in answers]
    first, second, third, *_ = (answer.records[0]["id"] for answer in answers if answer.records)
    assert third == "7"
    assert len(first) == len(second) == 16
    assert first != second
    again = handler.run_inference(elements[:1], Poisoned())
    assert again[0].records[0]["id"] == first


def test_the_pipeline_of_the_documents_runs(
    workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = documents.read(ROOT / "docs" / "how-to" / "scale.md")
    block = next(each.text for each in documents.blocks(page) if "apache_beam" in each.text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pipeline"])
    with quick_compilation():
        exec(compile(block.replace("runs/quickstart", str(workdir)), "block", "exec"), {"__name__": "block"})
    assert "".join(path.read_text() for path in tmp_path.glob("ids.txt-*")) == "a\n"
    (reason,) = tmp_path.glob("reasons.txt-*")
    assert reason.read_text().startswith("element: found ")


def test_the_network_is_loaded_once_for_all_texts(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, load = [], ExtractorHandler.load_model

    def counted(handler: ExtractorHandler) -> Any:
        loads.append(handler)
        return load(handler)

    monkeypatch.setattr(ExtractorHandler, "load_model", counted)
    with quick_compilation(), beam.Pipeline("DirectRunner", argv=[]) as pipeline:
        texts = pipeline | beam.Create([f"Ann left Oslo {k} times." for k in range(40)]) | beam.Reshuffle()
        counts = (texts | Extract(workdir)).records | beam.combiners.Count.Globally()
        assert_that(counts, equal_to([40]))
    assert len(loads) == 1


@pytest.mark.parametrize(
    ("flags", "found"),
    [
        (("--input=a", "--output=b", "--shard=1/2"), "--shard, expected none of them"),
        (("--input=a", "--output=b.csv", "--to=csv"), "--runner with --input=a --output=b.csv --to=csv"),
        (("--output=b.jsonl",), "--runner with --input=- --output=b.jsonl --to=auto, expected a file or"),
    ],
)
def test_flags_that_no_runner_reads_are_refused(flags: tuple[str, ...], found: str, forked: Forked) -> None:
    command = ["-m", "cman_jax.app", "extract", "--workdir=nowhere", "--runner=DirectRunner", *flags]
    done = forked(command)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: flags: found {found}")
    assert done.stderr.count("\n") == 1
