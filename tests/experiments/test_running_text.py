"""Tests of running text: typographic apostrophes change nothing, and every offset slices its own text."""

import random
from pathlib import Path

import pytest

from cman_jax.data.formats.bekoulis import read_columns
from cman_jax.data.text import Document, sentences_in
from cman_jax.types import Sentence
from experiments.running_text import groups_of, lines_of
from experiments.sentences import running_text

PIECES = (
    *("Ann", "’s", "—", "“", "”", "…", "U.S.", "\u00a0", "\u200b", "\u2028", "\t", "\n\n", " ", " ", " "),
    *(
        "\U0001f9ea",
        "e\u0301",
        "漢字",
        "שלום",
        "\x00",
        "\ufeff",
        ".",
        "?",
        "!",
        ")",
        "3.5",
        "don’t",
        "\u202e",
    ),
)


@pytest.fixture(scope="module")
def conll04(shared_data: Path) -> list[Sentence]:
    return read_columns(shared_data / "conll04" / "bekoulis" / "test.txt").sentences


def tokens(text: str) -> list[tuple[object, ...]]:
    return [(d.sentence, d.offsets, d.start) for d in sentences_in(text, "1")]


def test_typographic_apostrophes_give_the_same_tokens(conll04: list[Sentence]) -> None:
    texts = [running_text(sentence.tokens) for sentence in conll04]
    curly = [text.replace("'", "’") for text in texts]
    assert sum(map(str.__ne__, texts, curly)) == 75
    assert list(map(tokens, texts)) == list(map(tokens, curly))


def check_offsets(text: str, documents: list[Document]) -> None:
    """Raises AssertionError unless sentences and tokens are at their places and nothing is left out."""
    covered = set()
    for document in documents:
        assert (document.source or text)[document.start :].startswith(document.text)
        end = 0
        for first, last in document.offsets:
            assert end <= first < last <= len(document.text)
            covered |= set(range(document.start + first, document.start + last))
            end = last
    assert all(char.isspace() or char in "\u200b\ufeff" for k, char in enumerate(text) if k not in covered)


def test_offsets_of_odd_text() -> None:
    rng = random.Random(0)
    for _ in range(3_000):
        text = "".join(rng.choice(PIECES) for _ in range(rng.randrange(40)))
        check_offsets(text, list(sentences_in(text, "1")))


@pytest.mark.usefixtures("unchecked")
def test_offsets_of_real_text(shared_data: Path) -> None:
    lines = (shared_data / "ade" / "raw_v2" / "ADE-NEG.txt").read_text(encoding="utf-8").split("\n")
    for first in range(0, 10_000, 5):
        text = " ".join(lines[first : first + 5])
        check_offsets(text, list(sentences_in(text, "1")))


def test_gold_facts_follow_their_sentences_into_lines(conll04: list[Sentence]) -> None:
    for join_all in (False, True):
        groups = groups_of(conll04, join_all=join_all)
        assert sum(map(len, groups)) == 288
        lines, (entities, _) = lines_of(groups)
        whole = [" ".join(text for _, text in line) for line in lines]
        gold = sorted(
            sentence.tokens[entity.start]
            for sentence in conll04
            for entity in sentence.entities
            if entity.end == entity.start + 1 and sentence.tokens[entity.start].isalpha()
        )
        found = {(line, start, end) for line, start, end, _ in entities if start >= 0}
        texts = [whole[line][start:end] for line, start, end in found]
        assert set(gold) <= set(texts)
