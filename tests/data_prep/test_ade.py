"""Tests of ADE: the published counts, the folds, and the treatments of overlapping entities."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cman_jax.data.corpus import load_split, read_jsonl
from cman_jax.data.formats.oddities import Reading, count_kinds
from cman_jax.data.formats.spert import OVERLAP, read_spert
from cman_jax.data.overlap import drop_overlapping, has_overlap
from cman_jax.errors import InputError
from cman_jax.types import Entity, Relation
from data_prep.ade import OVERLAP_CHOICES, convert, draw_dev, resolve_overlap


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> Reading:
    return read_spert(shared_data / "ade" / "spert_folds" / "ade_full.json")


def test_counts(corpus: Reading) -> None:
    sentences, oddities, _ = corpus
    assert len(sentences) == 4_272
    entities = Counter(entity.type for sentence in sentences for entity in sentence.entities)
    assert entities == {"Adverse-Effect": 5_776, "Drug": 5_063}
    relations = Counter(relation.type for sentence in sentences for relation in sentence.relations)
    assert relations == {"Adverse-Effect": 6_821}
    assert count_kinds(oddities) == {OVERLAP: 120}
    assert sum(map(has_overlap, sentences)) == 119
    assert len({sentence.tokens for sentence in sentences}) == 4_271  # one sentence occurs twice


def test_the_effect_is_the_subject(corpus: Reading) -> None:
    arguments = {
        (s.entities[r.subject].type, s.entities[r.object].type) for s in corpus[0] for r in s.relations
    }
    assert arguments == {("Adverse-Effect", "Drug")}


def test_counts_after_each_treatment_of_overlaps(corpus: Reading) -> None:
    sentences = corpus[0]
    assert len(resolve_overlap(sentences, "drop-sentence", "test")) == 4_153
    assert len(resolve_overlap(sentences, "drop-sentence", "train")) == 4_153
    assert resolve_overlap(sentences, "keep", "train") == sentences
    assert resolve_overlap(sentences, "longest", "test") == sentences
    longest = resolve_overlap(sentences, "longest", "dev")
    assert len(longest) == 4_272
    assert not any(map(has_overlap, longest))
    assert sum(len(sentence.entities) for sentence in longest) == 10_719
    assert sum(len(sentence.relations) for sentence in longest) == 6_627


def test_counts_after_dropping_overlaps_for_scoring(corpus: Reading) -> None:
    scored = [drop_overlapping(sentence) for sentence in corpus[0]]
    assert sum(len(spans.entities) for spans in scored) == 10_599
    assert sum(len(spans.relations) for spans in scored) == 6_701


@pytest.mark.usefixtures("unchecked")
def test_the_test_sets_partition_the_corpus(shared_data: Path) -> None:
    """Reads the files only with json, because type checks would make the reading of twenty files slow."""
    folder = shared_data / "ade" / "spert_folds"
    full = json.loads((folder / "ade_full.json").read_text())
    tests = [json.loads((folder / f"ade_split_{fold}_test.json").read_text()) for fold in range(10)]
    assert [len(test) for test in tests] == [427] * 9 + [429]
    assert sorted((item for test in tests for item in test), key=lambda item: item["orig_id"]) == full


def test_the_seed_determines_the_dev_split(corpus: Reading) -> None:
    sentences = corpus[0][:1000]
    train, dev = draw_dev(sentences, 0.15, seed=0)
    assert len(dev) == 150
    assert sorted(train + dev, key=lambda sentence: int(sentence.id)) == sentences
    assert [s.id for s in dev] == sorted((s.id for s in dev), key=int)
    assert draw_dev(sentences, 0.15, seed=0) == (train, dev)
    assert draw_dev(sentences, 0.15, seed=1)[1] != dev
    assert [int(s.id) for s in dev[:5]] == [25, 35, 40, 52, 56]  # the same on every machine


def item(number: int, overlapping: bool) -> dict[str, Any]:
    """Returns an invented sentence in SpERT's format: "<n> patch caused patch rash ." """
    drug_in_effect = {"type": "Drug", "start": 3, "end": 4}
    return {
        "tokens": [str(number), "patch", "caused", "patch", "rash", "."],
        "entities": [
            {"type": "Adverse-Effect", "start": 3, "end": 5},
            drug_in_effect if overlapping else {"type": "Drug", "start": 1, "end": 2},
        ],
        "relations": [{"type": "Adverse-Effect", "head": 0, "tail": 1}],
        "orig_id": number,
    }


def write_folds(source: Path) -> Path:
    """Writes ten folds of forty sentences; every fourth sentence has overlapping entities."""
    items = [item(number, overlapping=number % 4 == 0) for number in range(40)]
    source.mkdir()
    (source / "ade_full.json").write_text(json.dumps(items))
    for fold in range(10):
        test = items[fold * 4 : fold * 4 + 4]
        train = [i for i in items if i not in test]
        (source / f"ade_split_{fold}_test.json").write_text(json.dumps(test))
        (source / f"ade_split_{fold}_train.json").write_text(json.dumps(train))
    return source


@pytest.fixture
def folds(tmp_path: Path) -> Path:
    return write_folds(tmp_path / "source")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Converts the forty sentences under each treatment, into a folder with the treatment's name."""
    out = tmp_path_factory.mktemp("ade")
    source = write_folds(out / "source")
    for overlap in OVERLAP_CHOICES:
        report = convert(source, out / overlap, overlap, dev_fraction=0.25, seed=3)
        assert f"10 x {OVERLAP}" in report
        assert report.count("removed for overlaps") == 30
    return out


@pytest.mark.parametrize("overlap", OVERLAP_CHOICES)
def test_folds_are_written_under_each_treatment(overlap: str, converted: Path) -> None:
    full = {sentence.id: sentence for sentence in read_jsonl(converted / overlap / "full.jsonl")}
    assert len(full) == 40
    for fold in range(10):
        splits = {
            split: load_split(converted / overlap / f"fold_{fold}", split)
            for split in ("train", "dev", "test")
        }
        everything = [sentence for sentences in splits.values() for sentence in sentences]
        assert len({sentence.id for sentence in everything}) == len(everything)
        assert len(splits["test"]) == (3 if overlap == "drop-sentence" else 4)
        assert len(everything) == (30 if overlap == "drop-sentence" else 40)
        assert overlap == "drop-sentence" or len(splits["dev"]) == 9
        for split, sentences in splits.items():
            altered = overlap == "longest" and split != "test"
            for sentence in sentences:
                if altered and has_overlap(full[sentence.id]):
                    assert sentence.entities == (Entity(3, 5, "Adverse-Effect"),)
                    assert sentence.relations == ()
                else:
                    assert sentence == full[sentence.id]
                    assert sentence.relations == (Relation(0, 1, "Adverse-Effect"),)


def test_all_treatments_share_one_dev_split(converted: Path) -> None:
    kept, longest, without = (
        {sentence.id for sentence in load_split(converted / overlap / "fold_2", "dev")}
        for overlap in ("keep", "longest", "drop-sentence")
    )
    assert kept == longest
    assert without == {number for number in kept if int(number) % 4}


@pytest.mark.parametrize("change", ["lost", "altered", "twice"])
def test_folds_that_do_not_make_up_the_corpus_are_refused(change: str, folds: Path, tmp_path: Path) -> None:
    path = folds / "ade_split_3_train.json"
    items = json.loads(path.read_text())
    if change == "lost":
        items.pop()
    elif change == "altered":
        items[0]["tokens"][0] = "changed"
    else:
        items.append(item(12, overlapping=True))  # a test sentence of this fold
    path.write_text(json.dumps(items))
    place = re.escape(str(folds / "ade_split_3_test.json"))
    with pytest.raises(InputError, match=f"{place}: found .* not those of ade_full.json, expected the 40 "):
        convert(folds, tmp_path / "out", "longest", dev_fraction=0.25, seed=3)
    assert not (tmp_path / "out").exists()


def test_the_message_for_a_malformed_fold_names_its_file(folds: Path, tmp_path: Path) -> None:
    path = folds / "ade_split_7_test.json"
    path.write_text(path.read_text().replace('"end": 5', '"end": 7', 1))
    with pytest.raises(
        InputError,
        match=r"ade_split_7_test\.json:1: found entity 0 end = 7 in sentence '.+' \(sentence 1 of the file\)",
    ):
        convert(folds, tmp_path / "out", "longest", dev_fraction=0.25, seed=3)
