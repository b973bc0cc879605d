"""Tests that every document of a file or folder is read once, with its own id, in shards too."""

import os
from pathlib import Path

import pytest

from cman_jax.data.inputs import (
    input_digest,
    input_documents,
    input_files,
    input_size,
    is_read,
    is_stream,
    parse_shard,
)
from cman_jax.data.text import Document
from cman_jax.errors import InputError


def read(path: Path, shard: tuple[int, int] = (0, 1), sentences: str = "split") -> list[Document]:
    return list(input_documents(str(path), "auto", sentences, shard))


def test_the_lines_of_a_file_are_documents_of_sentences(tmp_path: Path) -> None:
    text = "Ann left. Bob came.\n\n  He ate.\n"
    (tmp_path / "in.txt").write_text(text)
    found = read(tmp_path / "in.txt")
    assert [document.sentence.id for document in found] == ["1.1", "1.2", "2", "3"]
    assert [document.document for document in found] == ["1", "1", "", ""]
    assert found[1].source[found[1].start :] == found[1].text == "Bob came."
    assert [d.sentence.id for d in read(tmp_path / "in.txt", sentences="line")] == ["1", "2", "3"]
    assert input_size(str(tmp_path / "in.txt")) == len(text)


def test_the_files_of_a_folder_are_documents(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.TXT").write_text("\ufeffAnn left.\nBob came.\n\nHe ate.")
    for hidden in (".git", "b/.cache"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "three.txt").write_text("not read")
    (tmp_path / "b" / "._two.txt").write_bytes(b"\x00\xff")
    (tmp_path / "a.jsonl").write_text('{"id": "x", "text": "Ann left. Bob came."}\n["Ann", "left"]\n')
    (tmp_path / "c.pdf").write_text("not read")
    found = read(tmp_path)
    ids = ["x.1", "x.2", "a.jsonl:2", "b/two.TXT.1", "b/two.TXT.2", "b/two.TXT.3"]
    assert [document.sentence.id for document in found] == ids
    for document in found:
        if document.source:
            assert document.source[document.start :].startswith(document.text)
    lines = [d for d in read(tmp_path, sentences="line") if d.document == "b/two.TXT"]
    assert [d.text for d in lines] == ["Ann left.", "Bob came.", "", "He ate."]
    assert all(d.source[d.start :].startswith(d.text) for d in lines)


@pytest.mark.parametrize("folder", [False, True])
def test_shards_are_the_whole_without_repetition(folder: bool, tmp_path: Path) -> None:
    if folder:
        for k in range(7):
            (tmp_path / f"{k}.txt").write_text(f"Ann{k} left. Bob came.")
    else:
        (tmp_path / "in.txt").write_text("".join(f"Ann{k} left. Bob came.\n" for k in range(7)))
    path = tmp_path if folder else tmp_path / "in.txt"
    shards = [read(path, (k, 3)) for k in (1, 2, 3)]
    assert sorted(d.sentence.id for shard in shards for d in shard) == sorted(
        d.sentence.id for d in read(path)
    )
    assert [len(shard) for shard in shards] == [6, 4, 4]


def test_lines_without_ids_in_several_files_of_a_folder_have_different_ids(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "Ann left. Bob came."}\n{"tokens": ["x"]}\n\n')
    ids = [f"{name}.jsonl:{k}" for name in "ab" for k in ("1.1", "1.2", "2", "3")]
    assert [document.sentence.id for document in read(tmp_path)] == ids


def test_the_suffix_of_a_file_says_json_before_its_first_line_does(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('"Ann left."\n')
    with pytest.raises(InputError, match=r"in\.jsonl:1: found .*expected"):
        read(tmp_path / "in.jsonl")
    (tmp_path / "in.txt").write_text('"Ann left."\n')
    assert read(tmp_path / "in.txt")[0].text == '"Ann left."'


def test_an_output_that_is_read_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ann left.")
    (tmp_path / "b.csv").write_text("x")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "a.txt")
    for path in (tmp_path, tmp_path / "a.txt"):
        assert [is_read(tmp_path / name, str(path)) for name in ("a.txt", "link.jsonl", "b.csv", "new")] == [
            True,
            True,
            False,
            False,
        ]


def test_json_ids_that_occur_in_two_files_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text('{"id": "x", "text": "Ann left."}\n')
    with pytest.raises(InputError, match="found the id 'x' of another file"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["b.txt", "b.txt.2"])
@pytest.mark.parametrize("json_file", ["a.jsonl", "c.jsonl"])
def test_json_ids_that_are_those_of_a_text_are_refused(name: str, json_file: str, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("Bob came. He ate.")
    (tmp_path / json_file).write_text(f'{{"id": "{name}", "text": "Ann left."}}\n')
    with pytest.raises(InputError, match=f"{json_file}: found the id '{name}' of another file"):
        read(tmp_path)


def test_the_digest_of_an_input_follows_its_contents_and_the_names_in_a_folder(tmp_path: Path) -> None:
    for name, files in {
        "one": {"a.txt": "Ann left.", "b.txt": "Bob came."},
        "same": {"b.txt": "Bob came.", "a.txt": "Ann left."},
        "other content": {"a.txt": "Ann came.", "b.txt": "Bob came."},
        "other name": {"a.txt": "Ann left.", "c.txt": "Bob came."},
        "moved": {"a.txt": "Bob came.", "b.txt": "Ann left."},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    digests = {path.name: input_digest(str(path)) for path in tmp_path.iterdir()}
    assert digests["one"] == digests["same"]
    assert len(set(digests.values())) == 4
    file = str(tmp_path / "one" / "a.txt")
    assert input_digest(file) == input_digest(str(tmp_path / "moved" / "b.txt")) != digests["one"]


def test_a_pipe_is_a_stream_and_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "in.txt").write_text("Ann left.")
    assert is_stream(str(tmp_path / "pipe"))
    assert input_digest(str(tmp_path / "pipe")) is None
    assert not any(is_stream(str(path)) for path in (tmp_path, tmp_path / "in.txt", tmp_path / "missing"))


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no \*\.txt and no \*\.jsonl file, expected a folder"):
        input_files(str(tmp_path))


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "a/b", "-1/3", "1/0"])
def test_shards_that_cannot_be_are_refused(shard: str) -> None:
    with pytest.raises(InputError, match=f"shard: found {shard}, expected K/N"):
        parse_shard(shard)
