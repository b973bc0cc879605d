"""Tests of what all builders share, on invented sentences."""

import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

from cman_jax.data.formats.records import Item
from cman_jax.data.formats.tfds import iterate_split
from cman_jax.errors import InputError
from cman_jax.run.provenance import split_digest
from cman_jax.types import Entity, Relation, Sentence
from data_prep.tfds.builder import About, Content, CorpusBuilder, tfds
from tests.data_prep.tfds.campaign import build_together, check, folder_of, kill_builds, start

PAIR = (Entity(0, 2, "Person"), Entity(3, 4, "Straße"))


def items(count: int) -> list[Item]:
    """Returns sentences whose ids are not in alphabetical order, with and without annotation."""
    return [
        Item(
            Sentence(
                f"s{count - k}",
                ("Ann", "Ø'Neil", "→", "𝒳", "."),
                PAIR if k % 3 else (),
                (Relation(1, 0, "near by"), Relation(0, 1, "near by")) if k % 3 == 1 else (),
            ),
            f"document {k // 4}",
        )
        for k in range(count)
    ]


class Toy(CorpusBuilder, skip_registration=True):
    """A dataset of given sentences."""

    splits: dict[str, Iterable[Item]] = {}  # noqa: RUF012, set by each test

    def about(self) -> About:
        return About("Invented.", "@misc{me}", "https://example.org", "None.")

    def read(self, source: Path | None) -> Content:
        return Content(self.splits, {"file": "digest"})


def build(data_dir: Path, splits: dict[str, Iterable[Item]], **settings: Any) -> Toy:
    """Builds a dataset of these sentences."""
    builder = Toy(data_dir=data_dir)
    builder.splits = splits
    config = tfds.download.DownloadConfig(manual_dir=data_dir, **settings)
    builder.download_and_prepare(download_config=config)
    return builder


def test_every_field_and_the_order_come_back(tmp_path: Path) -> None:
    splits = {"train": items(30), "dev": items(2)}
    builder = build(tmp_path, splits)
    for split, expected in splits.items():
        assert list(iterate_split(Path(builder.data_dir) / split)) == expected
    assert {name: info.num_examples for name, info in builder.info.splits.items()} == {"train": 30, "dev": 2}


def test_the_users_of_tfds_find_what_they_expect(tmp_path: Path) -> None:
    build(tmp_path, {"train": items(7)})
    info = tfds.builder_from_directory(tmp_path / "toy" / "1.0.0").info
    assert (info.description.strip(), info.citation, info.homepage) == (
        "Invented.",
        "@misc{me}",
        "https://example.org",
    )
    assert info.redistribution_info.license == "None."
    assert info.metadata["files"] == {"file": "digest"}
    assert info.metadata["splits"] == {"train": split_digest(item.sentence for item in items(7))}
    first, second = tfds.builder_from_directory(tmp_path / "toy" / "1.0.0").as_data_source("train[:2]")
    assert first["tokens"][1].decode() == "Ø'Neil"
    assert first["entities"]["start"] == []
    assert (list(second["entities"]["end"]), second["relations"]["subject"][0]) == ([2, 4], 1)
    assert second["document"] == b"document 0"


def test_several_files_keep_the_order(tmp_path: Path) -> None:
    builder = build(tmp_path, {"train": items(50)}, num_shards=4)
    assert len(list(Path(builder.data_dir).glob("*.array_record-*"))) == 4
    assert list(iterate_split(Path(builder.data_dir) / "train")) == items(50)


def test_the_limit_above_which_tfds_needs_tensorflow_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tensorflow_datasets.core.shuffle.MAX_MEM_BUFFER_SIZE", 1000)
    builder = build(tmp_path, {"train": items(50)})
    assert list(iterate_split(Path(builder.data_dir) / "train")) == items(50)


def test_what_tfds_loses_is_never_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"found sentence 4 \(id 's4' in the source\) to differ.*loses nothing"
    ):
        build(tmp_path, {"train": items(7)}, max_examples_per_split=3)
    assert list((tmp_path / "toy").iterdir()) == []


def test_an_id_that_occurs_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found the id 's3' twice, expected ids that occur once in a split"):
        build(tmp_path, {"train": [*items(3), *items(3)]})
    assert list((tmp_path / "toy").iterdir()) == []


@pytest.mark.parametrize("file_format", ["parquet", "tfrecord", "riegeli"])
def test_formats_that_lose_rows_or_need_tensorflow_are_refused(file_format: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"found file_format='{file_format}', expected 'array_record'"):
        Toy(data_dir=tmp_path).download_and_prepare(file_format=file_format)


def test_a_dataset_that_exists_is_compared_with_its_source(tmp_path: Path) -> None:
    before = build(tmp_path, {"train": items(6)})
    files = {path: path.stat().st_mtime_ns for path in Path(before.data_dir).iterdir()}
    build(tmp_path, {"train": items(6)})
    assert files == {path: path.stat().st_mtime_ns for path in Path(before.data_dir).iterdir()}
    for other in (items(7), items(5), [*items(5), items(6)[-1]._replace(document="another")]):
        with pytest.raises(InputError, match=r"toy/1.0.0/train: found sentence \d .* to differ.* remove the"):
            build(tmp_path, {"train": other})
    with pytest.raises(InputError, match="found the splits train, expected train, dev as in the source"):
        build(tmp_path, {"train": items(6), "dev": items(1)})


def test_without_a_source_a_dataset_is_taken_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"toy/1\.0\.0: found no source, expected a manual_dir"):
        Toy(data_dir=tmp_path).download_and_prepare()
    build(tmp_path, {"train": items(6)})
    again = Toy(data_dir=tmp_path)
    again.download_and_prepare()
    assert len(again.as_data_source("train")) == 6


def test_no_empty_folder_is_left_in_the_temporary_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    build(tmp_path, {"train": items(2)})
    assert list((tmp_path / "temporary").iterdir()) == []


def test_killed_builds_leave_nothing_wrong_behind(tmp_path: Path) -> None:
    states = kill_builds(tmp_path, 60, 1, random.Random(1))
    assert states.total() - states["complete"] == 1


def test_a_build_that_is_killed_while_it_writes_is_built_again(tmp_path: Path) -> None:
    process = start(tmp_path, 100)
    process.stdin.write("\n")
    process.stdin.flush()
    folder = folder_of(tmp_path, 100)
    while not any(folder.parent.glob("incomplete.*")):
        time.sleep(0.002)
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert not folder.exists()
    (remains,) = folder.parent.glob("incomplete.*")
    from data_prep.tfds.generated import Generated, generated_config

    Generated(config=generated_config(100, 5, 5, 0), data_dir=tmp_path).prepare(None)
    check(folder, 100)
    assert not remains.exists()


def test_builds_at_the_same_time(tmp_path: Path) -> None:
    build_together(tmp_path, 30, 2)
