"""Tests of sequences of sentences that stay on disk: they behave as lists, and are read when asked for."""

from collections.abc import Iterator

import numpy as np
import pytest

from cman_jax.data.stored import Stored, joined, repeated_id, subset, summaries_of, summary_of
from cman_jax.data.summary import summarise
from cman_jax.types import Sentence
from tests.builders import SENTENCES


class Counted(Stored):
    """Stored sentences that count how often all of them are read."""

    def __init__(self, sentences: tuple[Sentence, ...]):
        self.sentences, self.num_passes = sentences, 0

    def __len__(self) -> int:
        return len(self.sentences)

    def read(self, index: int) -> Sentence:
        return self.sentences[index]

    def __iter__(self) -> Iterator[Sentence]:
        self.num_passes += 1
        return super().__iter__()


def test_they_are_indexed_and_iterated_as_a_list() -> None:
    stored = Counted(SENTENCES)
    assert list(stored) == list(SENTENCES)
    assert stored[-1] == SENTENCES[-1]
    assert stored[1:4:2] == list(SENTENCES[1:4:2])
    assert stored[np.int64(2)] == SENTENCES[2]
    for index in (4, -5):
        with pytest.raises(IndexError):
            stored[index]


def test_joined_parts_and_subsets_stay_where_they_are() -> None:
    stored, listed = Counted(SENTENCES), list(SENTENCES[:2])
    both = joined([listed, stored, Counted(())])
    few = subset(both, [5, 0, 2])
    assert isinstance(both, Stored)
    assert isinstance(few, Stored)
    assert list(both) == [*listed, *SENTENCES]
    assert list(few) == [SENTENCES[3], SENTENCES[0], SENTENCES[0]]
    assert joined([stored]) is stored


def test_lists_stay_lists() -> None:
    assert joined([[SENTENCES[0]], SENTENCES[1:]]) == list(SENTENCES)
    assert subset(SENTENCES, [2, 0]) == [SENTENCES[2], SENTENCES[0]]


def test_a_summary_reads_every_sentence_once() -> None:
    stored = Counted(SENTENCES)
    for _ in range(2):
        found = summaries_of({"train": stored})["train"]
    assert stored.num_passes == 1
    assert found.digest == summary_of(SENTENCES).digest == summarise(SENTENCES).digest
    np.testing.assert_array_equal(found.lengths, [6, 3, 5, 1])


@pytest.mark.parametrize("stays", [False, True])
def test_the_first_repeat_of_an_id_is_found(stays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*ids: str) -> tuple[int, int] | None:
        sentences = tuple(Sentence(name, ("a",)) for name in ids)
        return repeated_id(Counted(sentences) if stays else sentences)

    assert found("a", "b", "c") is None
    assert found("a", "b", "c", "b", "a") == (1, 3)
    assert found("a", "a", "a") == (0, 1)
    monkeypatch.setattr("cman_jax.data.stored.hash", lambda name: ord(name) % 2, raising=False)
    assert found("a", "c") is None  # equal hashes of different ids
    assert found("a", "c", "c") == (1, 2)
    assert found("a", "c", "a") == (0, 2)
