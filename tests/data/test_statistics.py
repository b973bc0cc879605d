"""The corpus report: its numbers, what it finds odd, and that no broken file escapes or hides another."""

from pathlib import Path

import numpy as np
import pytest

from cman_jax.config import DataConfig
from cman_jax.data.corpus import write_jsonl
from cman_jax.data.long_sentences import refuse_long
from cman_jax.data.statistics import count_contradictions, keys_of, measure, validate
from cman_jax.errors import InputError
from cman_jax.types import Entity, Relation, Sentence

PLAIN = Sentence("1", ("a", "b"), (Entity(0, 1, "X"), Entity(1, 2, "Y")), (Relation(0, 1, "r"),))
NESTED = Sentence(
    "2",
    ("a", "b", "c", "d"),
    (Entity(0, 2, "X"), Entity(1, 2, "X"), Entity(2, 3, "Y"), Entity(0, 1, "X")),
    (Relation(0, 2, "r"), Relation(1, 2, "r"), Relation(2, 1, "r"), Relation(0, 2, "q"), Relation(3, 2, "r")),
)


def test_statistics() -> None:
    statistics = measure([PLAIN, NESTED, Sentence("3", ("a", "b"))])
    assert statistics._asdict() == {
        "sentences": 3,
        "tokens": 8,
        "shortest": 2,
        "longest": 4,
        "entity_types": {"X": 4, "Y": 2},
        "relation_types": {"r": 5, "q": 1},
        "without_relation": 1,
        "overlapping_pairs": 2,
        "sentences_with_overlap": 1,
        "colliding_cells": 1,
        "duplicates": 1,
        "typographic": 0,
        "too_long": 0,
    }


def test_tokens_that_raw_text_cannot_have_are_odd(tmp_path: Path) -> None:
    sentences = [Sentence("1", ("Ann", "’s", "soft\u00adly", "’s", "'s", "«", "é"))]
    assert measure(sentences).typographic == 3
    write_jsonl(tmp_path / "train.jsonl", sentences)
    report, _ = validate(tmp_path)
    assert (
        "\n    odd: 3 tokens with typographic quotes or dashes (raw text to predict on gets straight"
        in report
    )


def contradictions(*sentences: Sentence) -> int:
    """Returns the contradictions between splits, each of which has one of the sentences."""
    return count_contradictions(keys_of([sentence]) for sentence in sentences)


def test_contradictions_are_repeated_sentences_with_other_annotation() -> None:
    reordered = PLAIN._replace(id="4", entities=PLAIN.entities[::-1], relations=(Relation(1, 0, "r"),))
    assert contradictions(PLAIN, reordered, NESTED) == 0
    assert contradictions(PLAIN, PLAIN._replace(relations=())) == 1
    assert contradictions(PLAIN, PLAIN._replace(relations=()), Sentence("5", PLAIN.tokens)) == 1


def test_a_sentence_that_training_refuses_is_odd(tmp_path: Path) -> None:
    long = [Sentence(str(k), ("a",) * k) for k in (960, 961)]
    write_jsonl(tmp_path / "train.jsonl", long)
    report, _ = validate(tmp_path)
    refused = "training refuses them, unless config.data.bucket_lengths has a longer bucket"
    assert f"odd: 1 sentences with more than 960 tokens ({refused})" in report
    with pytest.raises(InputError, match="961 tokens, expected at most 960"):
        refuse_long(long, np.array([960, 961]), DataConfig())


LONGEST = "training keeps the longest entity of a pair, and only relations between kept entities"


def test_the_report(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [PLAIN, PLAIN._replace(id="9", relations=())])
    write_jsonl(tmp_path / "test.jsonl", [PLAIN, NESTED])
    write_jsonl(tmp_path / "extra.jsonl", [PLAIN])
    report, errors = validate(tmp_path)
    assert errors == []
    assert (
        report
        == f"""{tmp_path}: canonical (JSONL of tokenised sentences)
  not read, because the names say no split: extra.jsonl
  train: 2 sentences, 4 tokens, length 2 / 2.0 / 2
    4 entities: X 2, Y 2
    1 relations: r 1
    odd: 1 sentences without a relation (they teach the network which sentences have none)
    odd: 1 sentences whose tokens an earlier one has (each is trained on)
  test: 2 sentences, 6 tokens, length 2 / 3.0 / 4
    6 entities: X 4, Y 2
    6 relations: q 1, r 5
    odd: 2 pairs of overlapping entities in 1 sentences ({LONGEST})
    odd: 1 relations with the last tokens and the type of another one (the network cannot tell them apart)
  odd: test has types that train lacks, which cannot be learned: q
  odd: 2 train sentences are also in test, which makes scores too high
  odd: 1 test sentences are also in train, which makes scores too high
  odd: 1 ids are both in train and in test
  odd: 1 repeated sentences are annotated in different ways"""
    )


def test_folds_are_read_in_order(tmp_path: Path) -> None:
    for fold in (10, 2, 0):
        write_jsonl(tmp_path / f"fold_{fold}" / "train.jsonl", [PLAIN])
    report, errors = validate(tmp_path)
    assert errors == []
    headings = [line for line in report.splitlines() if not line.startswith(" ")]
    assert headings == [
        f"{tmp_path / f'fold_{fold}'}: canonical (JSONL of tokenised sentences)" for fold in (0, 2, 10)
    ]


def test_every_broken_file_is_reported_once(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "train.jsonl", [PLAIN])
    (tmp_path / "dev.jsonl").write_text("{\n{\n")
    (tmp_path / "fold_1").mkdir()
    (tmp_path / "fold_1" / "test.jsonl").write_bytes(b"\xff")
    (tmp_path / "fold_2").mkdir()
    (tmp_path / "fold_2" / "train.jsonl").mkdir()
    report, errors = validate(tmp_path)
    assert [type(error) for error in errors] == [InputError, InputError, InputError]
    assert str(errors[0]).startswith(f"{tmp_path / 'dev.jsonl'}:1: found bad JSON")
    assert str(errors[1]).startswith(
        f"{tmp_path / 'fold_1' / 'test.jsonl'}:1: found bytes that are not valid UTF-8"
    )
    assert "train: 1 sentences" in report


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_directory_without_a_corpus_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no (such file or folder|annotated file), expected a file"):
        validate(tmp_path / name)
