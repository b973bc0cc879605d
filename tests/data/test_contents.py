"""Tests the counts and messages about annotations that a network cannot learn or predict."""

import json
from collections.abc import Sequence

import pytest

from cman_jax.data.contents import Contents, content_lines, contents_of
from cman_jax.data.stored import summaries_of
from cman_jax.data.summary import summarise
from cman_jax.data.vocab import build_vocabs
from cman_jax.types import Entity, Relation, Sentence

ANN, ACME, OSLO = Entity(0, 1, "Peop"), Entity(3, 5, "Org"), Entity(4, 5, "Loc")
TOKENS = ("Ann", "works", "for", "Acme", "Oslo")
# "Oslo" is inside "Acme Oslo". Training loses it and its two relations.
NESTED = Sentence(
    "1",
    TOKENS,
    (ANN, ACME, OSLO),
    (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In"), Relation(1, 2, "OrgBased_In")),
)
FLAT = Sentence("2", TOKENS, (ANN, OSLO), (Relation(0, 1, "Live_In"),))
BARE = Sentence("3", ("Rain", "."))


def lines_of(trained: Sequence[str] = ("train",), **splits: Sequence[Sentence]) -> list[str]:
    """Returns the lines about the splits of a corpus without pretrained vectors."""
    vocabs = build_vocabs(
        summarise(splits["train"]),
        map(summarise, splits.values()),
        vector_words=None,
        min_word_count=1,
        null_relation=True,
    )
    return content_lines(contents_of(summaries_of(splits), trained, vocabs))[len(splits) :]


def test_every_split_is_described_with_its_types() -> None:
    splits = {"train": [NESTED, FLAT], "dev": [BARE]}
    vocabs = build_vocabs(
        summarise([NESTED]), [summarise([FLAT])], vector_words=None, min_word_count=1, null_relation=True
    )
    assert content_lines(contents_of(summaries_of(splits), ("train",), vocabs))[:2] == [
        "train: 2 sentences, 5 entities (Loc 2, Org 1, Peop 2), "
        "4 relations (Live_In 2, OrgBased_In 1, Work_For 1)",
        "dev: 1 sentences, no entities, no relations",
    ]


def test_shorter_spans_of_overlaps_and_their_relations_are_counted() -> None:
    assert lines_of(train=[NESTED, FLAT], dev=[FLAT], test=[NESTED, NESTED, FLAT]) == [
        "train: 1 of 5 entities and 2 of 4 relations are not trained on: they overlap longer ones",
        "test: 2 of 8 entities and 4 of 7 relations cannot be predicted: they overlap longer ones",
    ]


def test_the_lines_about_dev_follow_the_protocol() -> None:
    assert lines_of(("train", "dev"), train=[FLAT], dev=[NESTED]) == [
        "dev: 1 of 3 entities and 2 of 3 relations are not trained on: they overlap longer ones"
    ]


def test_a_type_that_no_training_example_has_is_named() -> None:
    """Uses a training split in which `Loc` and `Live_In` occur only inside a longer entity."""
    assert lines_of(train=[NESTED], dev=[FLAT, FLAT, BARE])[1:] == [
        "dev: 2 of 4 entities are of types without an example in train: Loc (2)",
        "dev: 2 of 2 relations are of types without an example in train: Live_In (2)",
    ]


def test_a_split_without_annotation_is_named() -> None:
    assert lines_of(train=[FLAT], dev=[BARE], test=[BARE, BARE._replace(id="4")]) == [
        "dev: none of the 1 sentences is annotated, so the last epoch is kept instead of the best",
        "test: none of the 2 sentences is annotated",
    ]


def test_a_dev_split_without_relations_is_named() -> None:
    entities = FLAT._replace(id="5", relations=())
    line = "dev: no relation to score, so the best epoch is chosen by entities"
    assert lines_of(train=[FLAT], dev=[entities]) == [line]
    assert lines_of(train=[entities], dev=[entities]) == []


def test_no_further_line_is_printed_if_nothing_is_lost() -> None:
    assert lines_of(train=[FLAT], dev=[FLAT]) == []


@pytest.mark.parametrize(("words", "known"), [(("Ann", "for", "oslo"), 3), ((), 0)])
def test_pretrained_vectors_are_always_counted(words: tuple[str, ...], known: int) -> None:
    vocabs = build_vocabs(summarise([FLAT]), (), vector_words=words, min_word_count=1, null_relation=True)
    contents = contents_of(summaries_of({"train": [FLAT], "dev": [BARE]}), ("train",), vocabs)
    assert contents.words == (known, 5)
    assert content_lines(contents)[2].startswith(f"{known} of 5 distinct training tokens have a word vector")
    assert contents.as_dict()["splits"]["train"]["relations"] == 1


def test_contents_come_back_from_json() -> None:
    splits = {"train": [NESTED, FLAT], "dev": [BARE]}
    vocabs = build_vocabs(summarise([NESTED]), [], vector_words=["Ann"], min_word_count=1, null_relation=True)
    contents = contents_of(summaries_of(splits), ("train",), vocabs)
    assert contents.words is not None
    assert Contents.from_dict(json.loads(json.dumps(contents.as_dict()))) == contents


@pytest.mark.parametrize("stored", [None, 3, [], {}, {"splits": {"train": {"sentences": 3}}}, {"splits": []}])
def test_contents_of_another_form_are_none(stored: object) -> None:
    assert Contents.from_dict(stored) is None
