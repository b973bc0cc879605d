"""Which scores are a run's own, and under which name all others are kept."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from cman_jax import __version__
from cman_jax.config import Config, DecodingConfig, to_dict
from cman_jax.evaluation.metrics import score
from cman_jax.files import write_json
from cman_jax.run.entries import Entry, entry_of, foreign
from cman_jax.run.provenance import split_digest
from cman_jax.types import Annotation, Sentence
from tests.builders import SENTENCES

OTHER = SENTENCES[:2]
TYPES = {"entity_types": ("Loc", "Org", "Peop"), "relation_types": ("Live_In", "OrgBased_In", "Work_For")}


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    write_json(tmp_path / "config.json", to_dict(Config()))
    write_json(tmp_path / "data.json", {"test": split_digest(SENTENCES)})
    return tmp_path


def entry(workdir: Path, sentences: tuple[Sentence, ...] = SENTENCES, **decoding: Any) -> Entry:
    return entry_of(workdir, "test", sentences, DecodingConfig(**decoding), 3, scores_of(sentences))


def scores_of(sentences: tuple[Sentence, ...]) -> dict[str, Any]:
    return score(sentences, [Annotation((), ())] * len(sentences), **TYPES).as_dict()


def test_the_run_s_own_entry_says_what_it_is_of(workdir: Path) -> None:
    own = entry(workdir)
    assert (own.name, own.note) == ("test", "")
    assert own.about == {
        "epoch": 3,
        "data": split_digest(SENTENCES),
        "decoding": dataclasses.asdict(DecodingConfig()),
        "version": __version__,
    }


@pytest.mark.parametrize(
    ("decoding", "name"),
    [
        ({"threshold": 0.05}, "test_threshold_0.05"),
        ({"relation_thresholds": (0.3, 0.25)}, "test_relation_thresholds_0.3_0.25"),
        ({"anchor": "any", "bio_constraints": True}, "test_anchor_any_bio_constraints_True"),
    ],
)
def test_another_decoding_has_another_name(workdir: Path, decoding: dict[str, Any], name: str) -> None:
    found = entry(workdir, **decoding)
    assert found.name == name
    assert len(found.differences) == len(decoding)


def test_a_name_is_short_enough_for_a_file(workdir: Path) -> None:
    many = [tuple(0.1 + shift + k / 100 for k in range(60)) for shift in (0.0, 0.01)]
    names = {entry(workdir, relation_thresholds=thresholds).name for thresholds in many}
    assert len(names) == 2
    assert all(re.fullmatch("test_relation_thresholds_[0-9a-f]{8}", name) for name in names)


def test_other_sentences_have_another_name(workdir: Path) -> None:
    found = entry(workdir, OTHER)
    assert found.name == f"test_data_{split_digest(OTHER)[:8]}"
    assert found.note.endswith("the sentences are not those of the run's test")


@pytest.mark.parametrize(
    "about", [{"data": split_digest(SENTENCES)}, {}], ids=["a digest", "an older version"]
)
def test_a_split_that_the_run_never_saw_is_the_one_that_was_scored_first(
    workdir: Path, about: dict[str, str]
) -> None:
    write_json(workdir / "data.json", {})
    assert entry(workdir).name == entry(workdir, OTHER).name == "test"
    write_json(workdir / "scores.json", {"test": {**about, **scores_of(SENTENCES)}})
    assert entry(workdir).name == "test"
    assert entry(workdir, OTHER).name != "test"


def test_an_entry_of_an_older_version_says_nothing_and_is_taken() -> None:
    assert foreign({"epoch": 3}, DecodingConfig(), "a") is None
    assert foreign({"data": "b"}, DecodingConfig(), None) is None
    assert foreign({"data": "b"}, DecodingConfig(), "a") is not None
    assert foreign({"decoding": {"threshold": 0.5, "labels": "predicted"}}, DecodingConfig(), None) is None
    assert foreign({"decoding": {"threshold": 0.4}}, DecodingConfig(), None) is not None


def test_thresholds_that_json_turned_into_a_list_are_the_same() -> None:
    stored = {"decoding": {"relation_thresholds": [0.3, 0.25]}}
    assert foreign(stored, DecodingConfig(relation_thresholds=(0.3, 0.25)), None) is None
    assert foreign(stored, DecodingConfig(relation_thresholds=(0.3, 0.2)), None) is not None
