"""Tests of the dataset annotations: any corpus, as it is."""

from pathlib import Path

import pytest

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

from cman_jax.data.annotated import read_annotated
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.formats.standoff import Layout
from cman_jax.data.formats.tfds import read_split
from cman_jax.errors import InputError
from data_prep.tfds.annotations import Annotations, AnnotationsConfig
from tests.builders import SENTENCES

SHARES = (0.8, 0.1, 0.1)


def prepared(source: Path, data_dir: Path, **settings: object) -> Path:
    """Builds a dataset and returns its folder."""
    builder = Annotations(config=AnnotationsConfig(name="mine", **settings), data_dir=data_dir)
    builder.prepare(source)
    return Path(builder.data_dir)


def test_splits_are_kept(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        write_jsonl(tmp_path / "source" / f"{split}.jsonl", SENTENCES)
    folder = prepared(tmp_path / "source", tmp_path)
    assert folder == tmp_path / "annotations" / "mine" / "1.0.0"
    expected, found = read_annotated(tmp_path / "source"), read_annotated(folder)
    assert (found.splits, found.format) == (expected.splits, "tfds")


def test_splits_are_drawn_later_as_from_the_folder_itself(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for k in range(12):
        (source / f"d{k}.txt").write_text("Jane left. Ann came.\nNobody cared.")
        (source / f"d{k}.ann").write_text("T1\tPerson 0 4\tJane\n")
    layout = Layout(sentences="line", tokens="spaces")
    folder = prepared(source, tmp_path, format="brat", layout=layout)
    assert len(read_split(folder / "full").sentences) == 24
    expected = read_annotated(source, "brat", layout, SHARES, seed=5)
    found = read_annotated(folder, shares=SHARES, seed=5)
    assert found.splits == expected.splits
    assert read_annotated(folder).splits.keys() == {"all"}


def test_what_cannot_be_read_is_the_error_of_the_reader(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"tokens": []}')
    with pytest.raises(InputError, match=r"train\.jsonl:1: found a sentence without 'id'"):
        prepared(tmp_path, tmp_path / "data")
    assert not (tmp_path / "data").exists()
