"""Tests of damaged corpora: what counts as a loss, and a short form of the campaign."""

import random
from pathlib import Path

import pytest

from cman_jax.data.formats.registry import FORMATS
from experiments.faults.campaign import time_limit
from experiments.faults.corpora import ROWS, Corpus, attempt, check, prepare
from experiments.faults.format_counts import count_annotations, words
from experiments.faults.format_samples import SAMPLES
from experiments.faults.row import Broken

ATTEMPTS = 25
NAMES = sorted(SAMPLES)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> list[Corpus]:
    return prepare(tmp_path_factory.mktemp("corpora"))


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files(name: str, corpora: list[Corpus], tmp_path: Path) -> None:
    mine, outcomes = [corpus for corpus in corpora if corpus.form == name], set()
    for number in range(ATTEMPTS):
        folder = tmp_path / str(number)
        with time_limit(ROWS[0].seconds):
            outcomes.add(attempt(mine, folder, random.Random(f"{name} {number}")))
    assert "refused with the place of the damage" in outcomes
    assert {"read without a loss", "read as before"} & outcomes  # damage is not always fatal


def test_there_are_two_corpora_of_each_format_that_is_text(corpora: list[Corpus]) -> None:
    assert [corpus.form for corpus in corpora] == [name for name in SAMPLES for _ in range(2)]
    assert {corpus.form for corpus in corpora} == FORMATS.keys() - {"tfds"}  # binary; no text to damage
    assert all(len(corpus.sentences) == 36 for corpus in corpora[1::2])


def test_the_counts_are_those_of_the_generated_sentences(corpora: list[Corpus]) -> None:
    for corpus in corpora[1::2]:
        tokens = [token for sentence in corpus.sentences for token in sentence.tokens]
        assert words(corpus.form, corpus.files) == tokens
        facts = sum(len(sentence.entities) + len(sentence.relations) for sentence in corpus.sentences)
        assert count_annotations(corpus.form, corpus.files) == facts


def test_a_reader_that_loses_an_annotation_breaks_the_promise(
    corpora: list[Corpus], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, form = corpora[0], FORMATS[corpora[0].form]

    def lossy(path: Path, layout: object) -> object:
        reading = form.read(path, layout)
        reading.sentences[0] = reading.sentences[0]._replace(relations=())
        return reading

    assert check(corpus, corpus.files, tmp_path) == "read as before"
    monkeypatch.setitem(FORMATS, corpus.form, form._replace(read=lossy))
    with pytest.raises(Broken, match="2 annotations of 3 in canonical"):
        check(corpus, corpus.files, tmp_path)
