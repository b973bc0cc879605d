"""What the Python API is called with, as lists: one text or several, one sentence or several.

A string is one text, not a sequence of characters; a `Document` and a `Sentence` are one of their kind, not
sequences of their fields. Whatever else is given raises a `TypeError` that says what to give.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.text import Document, from_text, from_tokens
from cman_jax.errors import InputError
from cman_jax.types import Sentence

_TEXTS = "give a text (str), a Document, or a list of texts, Documents or lists of tokens (str)"
_SENTENCES = "give a Sentence or a list of Sentences, whose tokens are a tuple of str"


def as_documents(given: Any) -> list[Document]:
    """Tokenises texts; the id of a text is its number.

    Args:
      given: one text (a string) or document, or several; there, a list of strings is the tokens of a text.

    Raises:
      TypeError: something is neither a text, nor a document, nor a list of tokens.
      InputError: a text is raw and the extra that tokenises it is not installed.
    """
    items = [given] if is_one_text(given) else _listed(given, _TEXTS)
    return [_document(item, number) for number, item in enumerate(items, 1)]


def is_one_text(given: Any) -> bool:
    """Returns whether the argument is one text and not several."""
    return isinstance(given, str | Document)


def as_sentences(given: Any) -> list[Sentence]:
    """Returns one sentence, or several, as a list.

    Raises:
      TypeError: something is not a sentence, or its tokens are not strings.
    """
    sentences = [given] if isinstance(given, Sentence) else _listed(given, _SENTENCES)
    for number, sentence in enumerate(sentences, 1):
        if not isinstance(sentence, Sentence):
            raise TypeError(f"item {number} is {_named(sentence)}; {_SENTENCES}")
        _check_tokens(sentence)
    return sentences


def _listed(given: Any, what_to_give: str) -> list[Any]:
    """Returns the items of an iterable that is neither a string, nor a mapping, nor a named tuple."""
    named = isinstance(given, tuple) and hasattr(given, "_fields")
    if named or not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping | Set):
        raise TypeError(f"found {_named(given)}; {what_to_give}")
    return list(given)


def _document(item: Any, number: int) -> Document:
    """Returns a text, a document or a list of tokens as a document."""
    if isinstance(item, str):
        return from_text(item, str(number))
    if isinstance(item, Document):
        _check_tokens(item.sentence)
        return item
    if not isinstance(item, list | tuple) or hasattr(item, "_fields"):
        raise TypeError(f"item {number} is {_named(item)}; {_TEXTS}")
    try:
        return from_tokens(parse_sentence({"tokens": list(item)}, "item", number, gold=False))
    except InputError as error:
        raise TypeError(f"item {number} is {_named(item)}, with {error.found}; {_TEXTS}") from None


def _check_tokens(sentence: Any) -> None:
    """Raises a TypeError unless this is a sentence with strings for tokens."""
    if not isinstance(sentence, Sentence):
        raise TypeError(f"a document's sentence is {_named(sentence)}; {_SENTENCES}")
    tokens = sentence.tokens
    if not isinstance(tokens, tuple | list) or not all(isinstance(token, str) for token in tokens):
        raise TypeError(f"the tokens of sentence {sentence.id!r} are {_named(tokens)}; {_SENTENCES}")


def _named(value: Any) -> str:
    """Returns a value's type and its beginning, for an error message."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
