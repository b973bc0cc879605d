"""Tests of the forms that extracted records are written in."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from cman_jax.app import outputs
from cman_jax.data.formats.brat import read_brat
from cman_jax.data.text import Document, from_text, sentences_in
from cman_jax.errors import InputError
from cman_jax.inference.chunks import CHUNK
from cman_jax.inference.record import Record
from cman_jax.types import Annotation, Entity, Relation

ENTITIES = (Entity(0, 1, "Peop"), Entity(2, 3, "Loc"))
PAIR = Annotation(ENTITIES, (Relation(0, 1, "Left"),), (0.5, 0.5), (0.75,), (0.25,))


def pairs() -> list[tuple[Document, Record]]:
    """Returns records of two documents, the first one of two sentences."""
    documents = [*sentences_in("Ann left Oslo. Bob left Rome.", "a/1"), from_text("Cid left Lima.", "b")]
    return [(document, Record.of(document, PAIR)) for document in documents]


def test_the_suffix_decides_unless_the_form_is_named() -> None:
    named = {"x.jsonl": "jsonl", "x.csv": "csv", "x.html": "html", "-": "jsonl", "folder": "jsonl"}
    assert {output: outputs.form_of(output, "auto") for output in named} == named
    assert outputs.form_of("x.csv", "brat") == "brat"
    with pytest.raises(InputError, match="found --to=html without --output"):
        outputs.form_of("-", "html")


def test_streams_are_written_and_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "KEEP_EVERY", 2)

    def broken(items: int) -> Iterator[tuple[Document, Record]]:
        yield from islice(pairs(), items, None)
        raise KeyboardInterrupt

    for form in outputs.STREAMS:
        whole, cut = (tmp_path / f"{name}.{form}" for name in ("whole", "cut"))
        outputs.write_stream(lambda k: islice(pairs(), k, None), whole, form, "triples", {}, False)
        with pytest.raises(KeyboardInterrupt):
            outputs.write_stream(broken, cut, form, "triples", {}, False)
        outputs.write_stream(lambda k: islice(pairs(), k, None), cut, form, "triples", {}, True)
        assert cut.read_bytes() == whole.read_bytes()
        assert whole.read_bytes().count(b"\n") == (3 if form == "jsonl" else 4)
    lines = (tmp_path / "whole.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [record for _, record in pairs()]


def test_an_output_is_continued_with_the_batches_of_an_uninterrupted_output() -> None:
    assert outputs.KEEP_EVERY % CHUNK == 0


def test_brat_has_one_text_per_document_with_all_its_annotations(tmp_path: Path) -> None:
    outputs.write_brat(iter(pairs()), tmp_path / "new" / "out")
    assert (tmp_path / "new" / "out" / "a" / "1.txt").read_text() == "Ann left Oslo. Bob left Rome."
    reading = read_brat(tmp_path / "new" / "out")
    assert [sentence.id for sentence in reading.sentences] == ["a/1.1", "a/1.2", "b"]
    assert all((s.entities, s.relations) == PAIR[:2] for s in reading.sentences)
    assert reading.oddities == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("b", "../x"), r"found the id '\.\./x', expected ids that can be names of files"),
        (("b", "a\\x"), r"found the id 'a\\\\x', expected ids that can be names of files"),
        (
            ("c", "c.txt"),
            r"found the ids 'c' and 'c\.txt', expected ids whose texts have different file names",
        ),
    ],
)
def test_a_folder_of_brat_appears_whole_or_not_at_all(
    names: tuple[str, str], message: str, tmp_path: Path
) -> None:
    texts = [from_text("Cid left Lima.", name) for name in names]
    with pytest.raises(InputError, match=message):
        outputs.write_brat([(text, Record.of(text, PAIR)) for text in texts], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_type_that_brat_cannot_hold_is_refused(tmp_path: Path) -> None:
    text = from_text("Ann left Oslo.", "a")
    record = Record.of(text, Annotation((Entity(0, 1, "My Type"),), (), (0.5,)))
    with pytest.raises(
        InputError, match="found the type 'My Type' in 'a', expected types without white space"
    ):
        outputs.write_brat([(text, record)], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_page_replaces_a_page_and_no_other_file(tmp_path: Path) -> None:
    page, data = tmp_path / "a.html", tmp_path / "b.html"
    outputs.write_html(iter(pairs()), page, "a")
    data.write_text("<p>Ann left Oslo.")
    assert outputs.form_of(str(page), "auto") == outputs.form_of(str(tmp_path / "new"), "html") == "html"
    with pytest.raises(InputError, match=r"b\.html: found a file that is not a page, expected a new file"):
        outputs.form_of(str(data), "auto")


def test_a_folder_of_brat_never_mixes_with_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    outputs.write_brat(iter(pairs()), Path("."))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="found a folder with files, or a file, expected a name for a new"):
        outputs.write_brat(iter(pairs()), tmp_path / "empty")
    assert sorted(tmp_path.rglob("*")) == before
