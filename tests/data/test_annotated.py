"""Tests of how files and folders become splits, and of the splits that are drawn."""

import os
from pathlib import Path

import pytest

from cman_jax.data import annotated
from cman_jax.data.annotated import read_annotated
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.brat import write_brat
from cman_jax.data.formats.spert import write_spert
from cman_jax.data.split_files import SUFFIXES, WHOLE
from cman_jax.data.stored import Stored
from cman_jax.errors import InputError
from cman_jax.types import Entity, Sentence

SHARES = (0.8, 0.1, 0.1)


def sentences(count: int, first: int = 0) -> list[Sentence]:
    """Returns sentences that differ in their id and their first token."""
    return [
        Sentence(f"s{k}", (f"Name{k}", "left", "."), (Entity(0, 1, "X"),))
        for k in range(first, first + count)
    ]


def test_canonical_splits_are_read_as_they_are(tmp_path: Path) -> None:
    for name, count in (("train", 3), ("dev", 2)):
        write_jsonl(tmp_path / f"{name}.jsonl", sentences(count))
    corpus = read_annotated(tmp_path, shares=SHARES)
    assert (corpus.splits, corpus.format) == ({"train": sentences(3), "dev": sentences(2)}, "canonical")
    assert (corpus.notes, corpus.oddities, corpus.drawn) == ([], [], False)


@pytest.mark.parametrize(
    "names",
    [
        ("scierc_train.json", "scierc_dev.json", "scierc_test.json"),
        ("Training set.json", "validation.json", "My-Test-1.json"),
        ("train.json", "valid.json", "testing.json"),
    ],
)
def test_the_words_of_file_names_say_which_split_a_file_is(names: tuple[str, ...], tmp_path: Path) -> None:
    for k, name in enumerate(names):
        write_spert(tmp_path / name, sentences(2, 2 * k))
    corpus = read_annotated(tmp_path)
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert [split[0].id for split in corpus.splits.values()] == ["s0", "s2", "s4"]


@pytest.mark.parametrize(("limit", "stays"), [(0, True), (1, False)])
def test_sentences_of_large_splits_stay_on_disk(
    limit: int, stays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a split count together: none of them has the size from which sentences stay there."""
    for k in range(3):
        write_jsonl(tmp_path / f"train_{k}.jsonl", sentences(4, 4 * k))
    write_jsonl(tmp_path / "dev.jsonl", sentences(2))
    size = sum(path.stat().st_size for path in tmp_path.glob("train_*"))
    monkeypatch.setattr(annotated, "LARGE", size + limit)
    corpus = read_annotated(tmp_path)
    assert isinstance(corpus.splits["train"], Stored) is stays
    assert list(corpus.splits["train"]) == sentences(12)
    assert corpus.splits["dev"] == sentences(2)


@pytest.mark.parametrize("limit", [0, 2**30])
def test_two_files_of_a_split_with_one_id_are_refused(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotated, "LARGE", limit)
    write_jsonl(tmp_path / "train_a.jsonl", sentences(4))
    write_jsonl(tmp_path / "train_b.jsonl", sentences(4, 3))
    with pytest.raises(InputError, match="sentence 's3' in two files of train, expected ids that occur"):
        read_annotated(tmp_path)


def test_formats_that_are_read_whole_stay_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotated, "LARGE", 0)
    write_spert(tmp_path / "train.json", sentences(2))
    assert read_annotated(tmp_path).splits == {"train": sentences(2)}


def test_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    for name in ("x_train.json", "x_dev.json", "x_train_dev.json", "other.json"):
        write_spert(tmp_path / name, sentences(2))
    (tmp_path / "x_types.json").write_text('{"entities": {}, "relations": {}}')
    corpus = read_annotated(tmp_path)
    assert list(corpus.splits) == ["train", "dev"]
    assert corpus.notes == [
        "x_types.json is not read: the annotations say which types there are",
        "x_train_dev.json is not read: its name is that of several splits",
        "not read, because the names say no split: other.json",
    ]


def test_what_has_the_name_of_a_split_and_is_not_read_is_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "dev.jsonl", sentences(2))
    (tmp_path / "train.jsonl.gz").write_bytes(b"packed")
    (tmp_path / "test.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    os.mkfifo(tmp_path / "training.jsonl")
    (tmp_path / "valid").mkdir()
    for quiet in (".train.swp", "README.md", "._dev.jsonl"):
        (tmp_path / quiet).touch()
    (tmp_path / "pictures").mkdir()
    ends = ", ".join(SUFFIXES)
    assert read_annotated(tmp_path).notes == [
        "test.jsonl is not read: it is a link to nothing",
        f"train.jsonl.gz is not read: its name does not end in {ends}",
        "training.jsonl is not read: it is not a file",
        "valid is not read: it is a folder without brat's .ann files",
    ]
    (tmp_path / "dev.jsonl").unlink()
    with pytest.raises(
        InputError, match=r"no annotated file; test\.jsonl is not read: it is a link to nothing; "
    ):
        read_annotated(tmp_path)


def test_train_and_dev_in_one_file_are_train_if_there_is_no_other(tmp_path: Path) -> None:
    write_spert(tmp_path / "x_train_dev.json", sentences(10))
    write_spert(tmp_path / "x_test.json", sentences(2, 10))
    corpus = read_annotated(tmp_path, shares=SHARES)
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 9, "dev": 1, "test": 2}
    assert corpus.drawn
    assert corpus.splits["test"] == sentences(2, 10)
    assert corpus.notes[0] == "x_train_dev.json is read as train: its name is that of several splits"


def test_a_name_of_several_splits_without_train_is_dev(tmp_path: Path) -> None:
    write_spert(tmp_path / "TRAIN.JSON", sentences(4))
    write_spert(tmp_path / "eval_dev.json", sentences(2, 4))
    corpus = read_annotated(tmp_path)
    assert corpus.splits == {"train": sentences(4), "dev": sentences(2, 4)}
    assert corpus.notes == ["eval_dev.json is read as dev: its name is that of several splits"]


def test_without_names_everything_is_one_split_or_drawn(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "mine.jsonl", sentences(20))
    for path in (tmp_path, tmp_path / "mine.jsonl"):
        assert read_annotated(path).splits == {WHOLE: sentences(20)}
        drawn = read_annotated(path, shares=SHARES, seed=3)
        assert {name: len(split) for name, split in drawn.splits.items()} == {
            "train": 16,
            "dev": 2,
            "test": 2,
        }
        assert sorted(s for split in drawn.splits.values() for s in split) == sorted(sentences(20))
        assert drawn.notes == ["drawn by document with seed 3: train 16, dev 2, test 2 sentences"]


def test_brat_folders_are_splits_or_one_corpus(tmp_path: Path) -> None:
    write_brat(tmp_path / "a" / "train", sentences(2))
    write_brat(tmp_path / "a" / "dev", sentences(2, 2))
    corpus = read_annotated(tmp_path / "a")
    assert (corpus.format, list(corpus.splits)) == ("brat", ["train", "dev"])
    write_brat(tmp_path / "b", sentences(3))
    assert [s.id for s in read_annotated(tmp_path / "b").splits[WHOLE]] == ["s0", "s1", "s2"]


def test_texts_of_brat_are_splits_if_every_name_says_one(tmp_path: Path) -> None:
    for k, name in enumerate(("train-1", "train-2", "dev")):
        write_brat(tmp_path, [sentences(1, k)[0]._replace(id=name)])
    (tmp_path / "test.txt").write_text("Ann left .\n")
    (tmp_path / "._train.ann").write_bytes(b"\x00\xff")
    splits = {"train": ["train-1", "train-2"], "dev": ["dev"], "test": ["test"]}
    corpus = read_annotated(tmp_path)
    assert {name: [s.id for s in split] for name, split in corpus.splits.items()} == splits
    assert corpus.notes == []
    write_brat(tmp_path, [sentences(1, 3)[0]._replace(id="letter")])
    corpus = read_annotated(tmp_path)
    assert [s.id for s in corpus.splits[WHOLE]] == ["dev", "letter", "test", "train-1", "train-2"]
    assert corpus.notes == ["the texts are one corpus, because not every name says one split"]


def test_a_format_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", sentences(2))
    with pytest.raises(InputError, match="format: found 'xml', expected auto or one of canonical, spert"):
        read_annotated(tmp_path, format="xml")


def test_folders_of_brat_may_be_links_and_suffixes_capitals(tmp_path: Path) -> None:
    write_brat(tmp_path / "real", sentences(2))
    write_brat(tmp_path / "corpus" / "dev", sentences(2, 2))
    for file in list((tmp_path / "corpus" / "dev").iterdir()):
        file.rename(file.with_name(f"{file.stem}{file.suffix.upper()}"))
    (tmp_path / "corpus" / "train").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "circle").symlink_to(tmp_path / "corpus")
    corpus = read_annotated(tmp_path / "corpus")
    assert [s.id for s in corpus.splits["dev"]] == ["s2", "s3"]
    assert [s.id for s in corpus.splits["train"]] == ["circle/dev/s2", "circle/dev/s3", "s0", "s1"]


def test_a_text_without_a_token_is_left_out_unless_a_split_has_no_other(tmp_path: Path) -> None:
    for name, text in {"train_1": "Ann left .", "train_2": "  ", "dev": "Bob came ."}.items():
        (tmp_path / f"{name}.txt").write_text(text)
        (tmp_path / f"{name}.ann").touch()
    corpus = read_annotated(tmp_path)
    assert [s.id for s in corpus.splits["train"]] == ["train_1"]
    assert [oddity.kind for oddity in corpus.oddities] == ["a text without a token (left out)"]
    (tmp_path / "dev.txt").write_text(" ")
    with pytest.raises(InputError, match="found no text with a token in dev, expected sentences"):
        read_annotated(tmp_path)


def test_files_that_share_a_split_by_their_names_are_not_read_twice(tmp_path: Path) -> None:
    write_spert(tmp_path / "dev_test.json", sentences(2))
    write_spert(tmp_path / "train_dev.json", sentences(4))
    corpus = read_annotated(tmp_path)
    assert list(corpus.splits) == ["dev"]
    assert corpus.notes[1] == "train_dev.json is not read: its name is that of several splits"


def test_the_sentences_of_a_document_stay_together(tmp_path: Path) -> None:
    for k in range(10):
        (tmp_path / f"d{k}.txt").write_text("Jane left. Ann came. Nobody cared.")
        (tmp_path / f"d{k}.ann").write_text("T1\tPerson 0 4\tJane\n")
    splits = read_annotated(tmp_path, shares=SHARES).splits
    documents = [{s.id.split(".")[0] for s in split} for split in splits.values()]
    assert sum(map(len, documents)) == 10
    assert [len(split) for split in splits.values()] == [24, 3, 3]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "found no annotated file, expected a file, or a folder of files"),
        ({"train.jsonl": "", "dev.jsonl": ""}, "found an empty file"),
        ({"a_train.json": "[]", "b_train.conll": "a O\n"}, "found an empty array"),
        ({"test.conll": "a O\n"}, "found only test, expected sentences to train on"),
        (
            {"dev.conll": "a O\n", "test.conll": "b O\n"},
            "found only dev, test, expected sentences to train on",
        ),
        ({"all.conll": "a O\n"}, "found 1 document without a dev split, expected a dev split"),
        ({"x.json": '{"foo": 1}'}, "found the keys 'foo', expected the key 'tokens'"),
        ({"a_train.conll": "a O\n", "b_dev.txt": "#doc 1\n0\ta\tO\t['N']\t[0]\n"}, "files of the formats"),
        ({"a_train.conll": "a O\n", "b_train.conll": "b O\n"}, "found sentence '1' in two files of train"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_annotated(tmp_path, shares=SHARES)
    assert message in str(caught.value)
