"""Tests of the reader of prepared datasets: names, splits, features, and damage."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cman_jax.data.annotated import read_annotated
from cman_jax.data.corpus import to_json
from cman_jax.data.formats.oddities import ENTITY_TWICE
from cman_jax.data.formats.tfds import open_split, read_split
from cman_jax.data.formats.tfds_folders import split_paths
from cman_jax.data.stored import Stored
from cman_jax.errors import InputError
from cman_jax.types import Entity, Sentence
from tests.builders import SENTENCES

tfds = pytest.importorskip("tensorflow_datasets", reason="needs the extra tfds")
pytest.importorskip("array_record", reason="needs the extra tfds")

TEXT, NUMBER, LIST = tfds.features.Text(), np.int64, tfds.features.Sequence
FEATURES = {
    "id": TEXT,
    "tokens": LIST(TEXT),
    "entities": LIST({"start": NUMBER, "end": NUMBER, "type": TEXT}),
    "relations": LIST({"subject": NUMBER, "object": NUMBER, "type": TEXT}),
}


class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder that is not of this project: other split names, no documents, numbers of 64 bits."""

    VERSION = tfds.core.Version("2.3.4")
    features = FEATURES
    splits: dict[str, list[Any]] = {}  # noqa: RUF012, set by each test

    def _info(self) -> Any:
        features = tfds.features.FeaturesDict(self.features)
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager: Any) -> Any:
        return {split: enumerate(values) for split, values in self.splits.items()}

    def _generate_examples(self) -> None:
        raise NotImplementedError


def prepare(data_dir: Path, splits: dict[str, list[Any]], features: dict[str, Any] = FEATURES) -> Path:
    """Prepares a dataset and returns its folder."""

    class Foreign(Builder, skip_registration=True):
        pass

    Foreign.splits, Foreign.features = splits, features
    builder = Foreign(data_dir=data_dir)
    builder.download_and_prepare(file_format="array_record")
    return Path(builder.data_dir)


VALUES = [to_json(sentence) for sentence in SENTENCES]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with three splits, one of which has a name that is not of a split."""
    splits = {"train": VALUES, "validation": VALUES[:2], "extra": VALUES[:1]}
    return prepare(tmp_path_factory.mktemp("foreign"), splits)


def test_datasets_of_others_are_read_and_their_splits_are_known(foreign: Path) -> None:
    corpus = read_annotated(foreign)
    assert corpus.splits == {"train": list(SENTENCES), "dev": list(SENTENCES[:2])}
    assert corpus.notes == ["not read, because the names say no split: extra"]
    assert (corpus.format, corpus.oddities) == ("tfds", [])
    assert read_split(foreign / "train").documents == ["0", "1", "2", "3"]


def test_sentences_that_stay_there_are_the_same(foreign: Path, tmp_path: Path) -> None:
    own = {**VALUES[1], "document": "D"}
    for folder in (foreign, prepare(tmp_path, {"train": [own]}, {**FEATURES, "document": TEXT})):
        ours, theirs = open_split(folder / "train"), read_split(folder / "train")
        assert isinstance(ours.sentences, Stored)
        assert list(ours.sentences) == theirs.sentences
        assert list(ours.documents) == theirs.documents
        assert ours.oddities == theirs.oddities


def test_what_is_stated_twice_is_kept_once_and_counted(tmp_path: Path) -> None:
    entity = {"start": 0, "end": 1, "type": "X"}
    value = {"id": "a", "tokens": ["b"], "entities": [entity, entity], "relations": []}
    reading = read_split(prepare(tmp_path, {"train": [value]}) / "train")
    assert reading.sentences == [Sentence("a", ("b",), (Entity(0, 1, "X"),))]
    assert [oddity.kind for oddity in reading.oddities] == [ENTITY_TWICE]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([VALUES[1], VALUES[1]], "train: found the id '1' twice, expected ids that occur once"),
        ([{**VALUES[1], "tokens": []}], "train:1: found tokens that are [] in sentence '1', expected a list"),
        (
            [VALUES[1], {**VALUES[3], "entities": [{"start": 0, "end": 2, "type": "X"}]}],
            "train:2: found entity",
        ),
    ],
)
def test_sentences_that_break_a_rule_are_refused(values: list[Any], message: str, tmp_path: Path) -> None:
    folder = prepare(tmp_path, {"train": values})
    with pytest.raises(InputError) as caught:
        read_split(folder / "train")
    assert message in str(caught.value)
    with pytest.raises(InputError, match="train:"):
        open_split(folder / "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": TEXT}, "found text for 'tokens', expected a sequence of texts"),
        ({"id": NUMBER}, "found integer for 'id', expected text"),
        ({"relations": None}, "found nothing for 'relations/subject', expected a sequence of integers"),
    ],
)
def test_other_features_are_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    features = {key: value for key, value in {**FEATURES, **change}.items() if value is not None}
    value = {**VALUES[1], "tokens": "a" if "tokens" in change else ["a"], "id": 1 if "id" in change else "a"}
    folder = prepare(tmp_path, {"train": [{key: value[key] for key in features}]}, features)
    with pytest.raises(InputError) as caught:
        read_split(folder / "train")
    assert message in str(caught.value)
    assert str(folder / "features.json") in str(caught.value)


def edited(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Returns a function that changes dataset_info.json."""

    def edit(folder: Path) -> None:
        info = json.loads((folder / "dataset_info.json").read_text())
        change(info)
        (folder / "dataset_info.json").write_text(json.dumps(info))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            edited(lambda i: i.update(fileFormat="tfrecord")),
            "found files of the format 'tfrecord', expected a",
        ),
        (edited(lambda i: i.pop("fileFormat")), "found files of the format 'tfrecord', expected a dataset"),
        (edited(lambda i: i.pop("splits")), "dataset_info.json: found no splits with their sizes"),
        (
            edited(lambda i: i["splits"].clear()),
            "dataset_info.json: found no split, expected what TFDS writes",
        ),
        (edited(lambda i: i["splits"][0].update(shardLengths=["3"])), "found 4 sentences, expected the 3 of"),
        (edited(lambda i: i["splits"][0].update(shardLengths=["5"])), "found 4 sentences, expected the 5 of"),
        (lambda f: (f / "dataset_info.json").write_text("{"), "dataset_info.json: found bad JSON"),
        (lambda f: (f / "dataset_info.json").write_bytes(b"\xff"), "dataset_info.json: found bytes that are"),
        (lambda f: (f / "features.json").write_text("{}"), "train: found a dataset that cannot be read"),
        (lambda f: next(f.glob("*train*")).unlink(), "train: found a dataset that cannot be read"),
        (lambda f: next(f.glob("*train*")).write_bytes(b""), "train: found a dataset that cannot be read"),
    ],
)
def test_damage_is_one_clear_error(
    damage: Callable[[Path], None], message: str, foreign: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(foreign, tmp_path / "2.3.4")
    damage(folder)
    with pytest.raises(InputError) as caught:
        read_annotated(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_changed_or_missing_byte_is_never_another_sentence(foreign: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(foreign, tmp_path / "2.3.4")
    path = next(folder.glob("*train*"))
    whole, rng, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(100):
        place = rng.randrange(len(whole))
        cut = rng.random() < 0.3
        path.write_bytes(
            whole[:place]
            + (b"" if cut else bytes([whole[place] ^ 1 << rng.randrange(8)]))
            + (b"" if cut else whole[place + 1 :])
        )
        try:
            assert read_split(folder / "train").sentences == list(SENTENCES)
        except InputError:
            refused += 1
    assert refused > 20


def test_a_class_of_another_library_is_refused_before_its_module_is_imported(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy" / "2.3.4"
    shutil.copytree(foreign, folder)
    (tmp_path / "stranger.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = folder / "features.json"
    name = "tensorflow_datasets.core.features.text_feature.Text"
    path.write_text(path.read_text().replace(name, "stranger.Text", 1))
    with pytest.raises(InputError, match=r"features\.json: found a feature of the class 'stranger.Text'"):
        read_split(split_paths(folder)[0])
