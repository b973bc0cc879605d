"""Tests of the word of a token, of the contents of vocabularies, and of their file."""

import json
from pathlib import Path
from typing import Any

import pytest

from cman_jax.data.summary import summarise
from cman_jax.data.vocab import (
    UNKNOWN_CHAR,
    UNKNOWN_WORD,
    Vocabs,
    build_vocabs,
    coverage_line,
    refuse_no_coverage,
    vector_coverage,
    word_candidates,
)
from cman_jax.errors import InputError
from cman_jax.types import Entity, Relation, Sentence, Sizes
from tests.builders import SENTENCES, vocabs_of


def built(**options: Any) -> Vocabs:
    """Returns vocabularies of `SENTENCES`."""
    defaults = {"vector_words": None, "min_word_count": 1, "null_relation": True}
    return build_vocabs(summarise(SENTENCES), (), **{**defaults, **options})


@pytest.mark.parametrize(
    ("token", "forms"),
    [
        ("London", ("London", "london")),
        ("LONDON", ("LONDON", "london", "London")),
        ("london", ("london", "London")),
        ("McDonald", ("McDonald", "mcdonald", "Mcdonald")),
        ("1984", ("1984", "0")),
        ("0", ("0",)),
        ("1,984", ("1,984",)),
        ("--", ("--",)),
    ],
)
def test_forms_are_tried_as_is_then_lower_then_title_then_zero(token: str, forms: tuple[str, ...]) -> None:
    assert word_candidates(token) == forms


def test_the_first_form_that_is_a_word_wins() -> None:
    words = ("london", "London", "LONDON", "Paris", "0", "rome", "Rome", "7")
    vocabs = built(vector_words=words)
    named = {
        token: words[vocabs.word_id(token) - 1] for token in ("LONDON", "PARIS", "1984", "7", "ROME", "paris")
    }
    assert named == {
        "LONDON": "LONDON",
        "PARIS": "Paris",
        "1984": "0",
        "7": "7",
        "ROME": "rome",
        "paris": "Paris",
    }
    assert vocabs.word_id("Berlin") == UNKNOWN_WORD


def test_ids_follow_the_order_of_the_vectors_after_the_unknown_word() -> None:
    vocabs = built(vector_words=("b", "a"))
    assert [vocabs.word_id(word) for word in ("b", "a")] == [1, 2]
    assert vocabs.frozen_words
    assert vocabs.sizes == Sizes(
        num_words=3,
        num_chars=16 * (1 + (len(vocabs.chars) + 1) // 16),
        num_tags=7,
        num_relations=4,
        frozen_words=True,
    )


def test_trained_words_are_the_training_words_that_are_frequent_enough() -> None:
    train = [Sentence("1", ("b", "a", "b")), Sentence("2", ("c", "a", "B"))]
    words = [
        build_vocabs(summarise(train), (), vector_words=None, min_word_count=n, null_relation=False).words
        for n in (1, 2, 3)
    ]
    assert words == [("B", "a", "b", "c"), ("a", "b"), ()]


def test_characters_and_words_come_only_from_training_but_types_from_all_splits() -> None:
    train = [Sentence("1", ("ab", "c"), (Entity(0, 1, "X"),))]
    entities = (Entity(0, 1, "A"), Entity(1, 2, "X"))
    dev = [Sentence("2", ("zz", "y"), entities, (Relation(0, 1, "r"),))]
    vocabs = build_vocabs(
        summarise(train), [summarise(dev)], vector_words=None, min_word_count=1, null_relation=False
    )
    assert vocabs.chars == ("a", "b", "c")
    assert vocabs.words == ("ab", "c")
    assert vocabs.entity_types == ("A", "X")
    assert vocabs.tags == ("O", "B-A", "I-A", "B-X", "I-X")
    assert vocabs.relation_types == ("r",)


@pytest.mark.parametrize("null_relation", [True, False])
def test_the_null_class_is_one_more_relation(null_relation: bool) -> None:
    vocabs = vocabs_of(SENTENCES, null_relation=null_relation)
    assert vocabs.sizes.num_relations == len(vocabs.relation_types) + null_relation
    assert vocabs.relation_ids == {"Live_In": 0, "OrgBased_In": 1, "Work_For": 2}


def test_a_spelling_is_the_ids_of_the_characters() -> None:
    vocabs = built()
    assert "".join(vocabs.chars[i - 2] for i in vocabs.spelling("London")) == "London"
    assert vocabs.spelling("nλn") == (vocabs.char_ids["n"], UNKNOWN_CHAR, vocabs.char_ids["n"])


@pytest.mark.parametrize("vector_words", [None, ("Köln", " ", "\u2028", '"', "0")])
def test_saved_vocabularies_come_back_equal(tmp_path: Path, vector_words: tuple[str, ...] | None) -> None:
    vocabs = built(vector_words=vector_words, null_relation=vector_words is None)
    vocabs.save(tmp_path / "vocabs.json")
    loaded = Vocabs.load(tmp_path / "vocabs.json")
    assert loaded == vocabs
    assert loaded.sizes == vocabs.sizes
    assert loaded.word_id("0") == vocabs.word_id("0")


def damaged(change: Any) -> bytes:
    """Returns the bytes of a file of vocabularies whose JSON value was changed."""
    values = {
        "words": ["a"],
        "chars": ["a"],
        "entity_types": ["A"],
        "relation_types": [],
        "null_relation": True,
        "frozen_words": False,
    }
    return json.dumps(change(values)).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"words"',
        b"{}",
        b"[" * 100_000,
        damaged(lambda v: {k: x for k, x in v.items() if k != "chars"}),
        damaged(lambda v: {**v, "more": []}),
        damaged(lambda v: {**v, "words": None}),
        damaged(lambda v: {**v, "words": "abc"}),
        damaged(lambda v: {**v, "words": ["a", 1]}),
        damaged(lambda v: {**v, "words": [["a"]]}),
        damaged(lambda v: {**v, "relation_types": {"r": 0}}),
        damaged(lambda v: {**v, "null_relation": "yes"}),
        damaged(lambda v: {**v, "frozen_words": [True]}),
    ],
    ids=range(16),
)
def test_a_file_without_vocabularies_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "vocabs.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected vocabularies written by a training run") as error:
        Vocabs.load(path)
    assert error.value.path == str(path)
    assert "Type-check" not in str(error.value)  # the library finds the fault, not the tests' type checker


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Vocabs.load(tmp_path / "vocabs.json")


def test_the_undamaged_file_of_these_tests_is_accepted(tmp_path: Path) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "vocabs.json").write_bytes(mark + damaged(lambda values: values))
        assert Vocabs.load(tmp_path / "vocabs.json").words == ("a",)


COVERED = [
    Sentence("1", ("Ann", "ann", "left", "Oslo")),
    Sentence("2", ("left", "1984", "left", "OSLO", ".")),
]


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (("ann",), 2),  # Ann, ann
        (("Oslo", "0"), 3),  # Oslo, OSLO, 1984
        (("OSLO",), 1),  # the forms of Oslo are Oslo and oslo
        (("left", ".", "unread"), 2),
        (("unread",), 0),
        ((), 0),
    ],
)
def test_coverage_counts_distinct_tokens_by_the_look_up_rule(words: tuple[str, ...], known: int) -> None:
    assert vector_coverage(summarise(COVERED).tokens, built(vector_words=words)) == (known, 7)


def test_trained_words_do_not_count_as_covered() -> None:
    vocabs = build_vocabs(summarise(COVERED), (), vector_words=None, min_word_count=1, null_relation=True)
    assert vocabs.word_id("left") != UNKNOWN_WORD
    assert vector_coverage(summarise(COVERED).tokens, vocabs) == (0, 7)


def test_coverage_is_reported_in_a_line_and_zero_coverage_is_an_error() -> None:
    assert coverage_line((5, 7)).startswith("5 of 7 distinct training tokens have a word vector (")
    refuse_no_coverage((1, 7), "v.txt")
    with pytest.raises(InputError) as error:
        refuse_no_coverage((0, 7), "v.txt")
    assert str(error.value).startswith(
        "v.txt: found a vector for 0 of the 7 distinct training tokens, expected"
    )
    assert "\n" not in str(error.value)
