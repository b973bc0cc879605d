"""One text or several, one sentence or several; everything else is told what to give."""

from typing import Any

import pytest

from cman_jax.data.text import from_text, from_tokens
from cman_jax.inference.arguments import as_documents, as_sentences
from cman_jax.types import Entity, Sentence

TEXT = "Warridge lives in Eastford ."
DOCUMENT = from_tokens(Sentence("d", ("Ann", "left")))
SENTENCE = Sentence("s", ("Ann", "left"))


def test_a_string_is_one_text() -> None:
    assert as_documents(TEXT) == [from_text(TEXT, "1")]
    assert as_documents([TEXT]) == as_documents(TEXT)
    assert as_documents(DOCUMENT) == [DOCUMENT]


def test_a_list_of_strings_among_texts_is_tokens() -> None:
    (document,) = as_documents([["Ann", "left"]])
    assert (document.sentence.tokens, document.text) == (("Ann", "left"), "Ann left")


def test_texts_and_documents_may_be_mixed_in_any_collection_with_an_order() -> None:
    expected = [from_text(TEXT, "1"), DOCUMENT, from_text("", "3")]
    given = [TEXT, DOCUMENT, ""]
    assert as_documents(given) == as_documents(tuple(given)) == as_documents(iter(given)) == expected
    assert as_documents([]) == as_sentences([]) == []


def test_a_sentence_is_one_sentence() -> None:
    assert as_sentences(SENTENCE) == [SENTENCE]
    assert as_sentences((SENTENCE, SENTENCE)) == [SENTENCE, SENTENCE]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, "found NoneType None; give a text"),
        (7, "found int 7; give a text"),
        (b"Ann left", "found bytes b'Ann left'; give a text"),
        ({"text": TEXT}, "found dict {'text': 'Warridge lives in Eastford .'}; give a text"),
        ({TEXT}, "found set {"),
        (SENTENCE, "found Sentence Sentence(id='s', tokens=('Ann', 'left...; give a text"),
        ([TEXT, None], "item 2 is NoneType None; give a text"),
        ([["Ann", 7]], "item 1 is list ['Ann', 7], with token 1 = 7; give a text"),
        ([["Ann left"]], "item 1 is list ['Ann left'], with token 0 = 'Ann left'; give a text"),
        ([[]], "item 1 is list [], with tokens that are []; give a text"),
        ([SENTENCE], "item 1 is Sentence Sentence("),
        ([{"tokens": ["Ann"]}], "item 1 is dict {'tokens': ['Ann']}; give a text"),
        ([DOCUMENT._replace(sentence=None)], "a document's sentence is NoneType None; give a Sentence"),
    ],
)
def test_what_is_no_text_is_refused(given: Any, found: str) -> None:
    with pytest.raises(TypeError) as error:
        as_documents(given)
    assert str(error.value).startswith(found)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (TEXT, "found str 'Warridge lives in Eastford .'; give a Sentence"),
        ([TEXT], "item 1 is str 'Warridge lives in Eastford .'; give a Sentence"),
        (DOCUMENT, "found Document Document("),
        (Entity(0, 1, "Loc"), "found Entity Entity(start=0, end=1, type='Loc'); give a Sentence"),
        ([SENTENCE._replace(tokens=TEXT)], "the tokens of sentence 's' are str 'Warridge"),
        ([SENTENCE._replace(tokens=(1, 2))], "the tokens of sentence 's' are tuple (1, 2); give a Sentence"),
    ],
)
def test_what_is_no_sentence_is_refused(given: Any, found: str) -> None:
    with pytest.raises(TypeError) as error:
        as_sentences(given)
    assert str(error.value).startswith(found)
