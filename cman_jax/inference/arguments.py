"""What the Python API is called with, as lists: one text or several, one sentence or several.

A string is one text, not a sequence of characters; a `Document` and a `Sentence` are one of their kind, not
sequences of their fields. Whatever else is given raises a `TypeError` that says what to give.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from cman_jax.data.text import Document, from_text
from cman_jax.types import Sentence

_TEXTS = "give a text (str), a Document, or a list of them"
_SENTENCES = "give a Sentence or a list of Sentences, whose tokens are a tuple of str"


def as_documents(given: Any) -> list[Document]:
    """Tokenises the texts; a text's id is its number.

    Raises:
      TypeError: something is neither a text nor a document.
      InputError: raw text without the extra that tokenises it.
    """
    items = _listed(given, (str, Document), _TEXTS)
    documents = [
        from_text(item, str(i)) if isinstance(item, str) else item for i, item in enumerate(items, 1)
    ]
    for document in documents:
        _check_tokens(document.sentence)
    return documents


def as_sentences(given: Any) -> list[Sentence]:
    """Checks sentences. Raises: TypeError: something is not a sentence, or its tokens are not strings."""
    sentences = _listed(given, (Sentence,), _SENTENCES)
    for sentence in sentences:
        _check_tokens(sentence)
    return sentences


def _listed(given: Any, kinds: tuple[type, ...], what_to_give: str) -> list[Any]:
    if isinstance(given, kinds):
        return [given]
    named = isinstance(given, tuple) and hasattr(given, "_fields")
    if named or not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping | Set):
        raise TypeError(f"found {_named(given)}; {what_to_give}")
    items = list(given)
    for i, item in enumerate(items, 1):
        if not isinstance(item, kinds):
            raise TypeError(f"item {i} is {_named(item)}; {what_to_give}")
    return items


def _check_tokens(sentence: Any) -> None:
    if not isinstance(sentence, Sentence):
        raise TypeError(f"a document's sentence is {_named(sentence)}; {_SENTENCES}")
    tokens = sentence.tokens
    if not isinstance(tokens, tuple | list) or not all(isinstance(token, str) for token in tokens):
        raise TypeError(f"the tokens of sentence {sentence.id!r} are {_named(tokens)}; {_SENTENCES}")


def _named(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
