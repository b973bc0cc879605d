"""What a request asks for: the documents and how they are decoded. Of HTTP, only statuses are known here."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from cman_jax.config import Config
from cman_jax.data.corpus import parse_sentence
from cman_jax.data.text import Document, Sentences, documents_in, from_tokens
from cman_jax.errors import InputError
from cman_jax.files import check_keys, parse_json, show, skip_bom
from cman_jax.inference.options import with_decoding
from cman_jax.types import is_unicode

OPTIONS = ("threshold", "anchor")
"""The decoding options of a request. They need no program of their own, so that they cost no compilation."""

_INPUTS = ("text", "texts", "tokens")
_EXPECTED = 'one of "text" (a string), "texts" (strings) and "tokens" (lists of strings)'


class Limits(NamedTuple):
    """How much a request may contain.

    Attributes:
      bytes: of the body.
      texts: the number of texts.
      characters: of all texts, or of all tokens.
    """

    bytes: int = 2**20
    texts: int = 1000
    characters: int = 100_000


class Wanted(NamedTuple):
    """What a request asks for.

    Attributes:
      documents: the sentences.
      options: the values of `OPTIONS`; None: as the server was started.
    """

    documents: list[Document]
    options: tuple[Any, ...]


class Refused(Exception):
    """A request that is not answered with records.

    Attributes:
      status: the status of HTTP.
      retry_after: seconds after which the same request may succeed; None: it will not.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


def read_json(body: bytes, limits: Limits, config: Config) -> Wanted:
    """Returns what the JSON of a request asks for.

    Args:
      body: an object with `text`, `texts` or `tokens`, and optionally `sentences` and `OPTIONS`.
      limits: how much it may contain.
      config: the settings that decoding options are checked against.

    Raises:
      Refused: the body is not such an object, or contains more than the limits.
    """
    try:
        value = parse_json(skip_bom(body).decode(), _fail)
    except UnicodeDecodeError as error:
        raise Refused(400, str(_fail(f"bytes that are not valid UTF-8 ({error})", "JSON in UTF-8"))) from None
    except InputError as error:
        raise Refused(400, str(error)) from None
    try:
        return _wanted(value, limits, config)
    except InputError as error:
        raise Refused(422, str(error)) from None


def read_form(body: bytes, limits: Limits, config: Config) -> Wanted:
    """Returns what the form of the page asks for: its fields are `text`, `threshold` and `sentences`.

    Raises:
      Refused: as for `read_json`.
    """
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError as error:
        raise Refused(400, str(_fail(f"a form that cannot be read ({error})", "the page's form"))) from None
    value: dict[str, Any] = {name: values[-1] for name, values in fields.items()}
    if isinstance(value.get("text"), str):
        value["text"] = value["text"].replace("\r\n", "\n")  # browsers send line ends so
    try:
        if threshold := value.pop("threshold", "").strip():
            value["threshold"] = _number(threshold)
        return _wanted(value, limits, config)
    except InputError as error:
        raise Refused(422, str(error)) from None


def _wanted(value: Any, limits: Limits, config: Config) -> Wanted:
    """Returns what a decoded object asks for.

    Raises:
      InputError: the object has another form.
      Refused: the object contains more than the limits.
    """
    check_keys(value, (), (*_INPUTS, "sentences", *OPTIONS), "the request", _fail)
    given = [name for name in _INPUTS if name in value]
    if len(given) != 1:
        raise _fail(" and ".join(map(repr, given)) or "no text", _EXPECTED)
    sentences = value.get("sentences", "split")
    if sentences not in ("split", "line") or (given == ["tokens"] and "sentences" in value):
        raise _fail(f"sentences = {show(sentences)}", '"split" or "line", and neither with "tokens"')
    options = tuple(value.get(name) for name in OPTIONS)
    try:
        with_decoding(config, dict(zip(OPTIONS, options, strict=True)))
    except OverflowError:  # an integer that no float can hold
        raise _fail(f"threshold = {show(options[0])}", "a finite number in [0, 1)") from None
    if given == ["tokens"]:
        return Wanted(_tokenised(value["tokens"], limits), options)
    texts = [value["text"]] if given == ["text"] else value["texts"]
    return Wanted(_divided(texts, sentences, limits), options)


def _divided(texts: Any, sentences: Sentences, limits: Limits) -> list[Document]:
    """Returns the sentences of all texts, whose ids are their numbers."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _fail(f"a text that is not a string in {show(texts)}", _EXPECTED)
    _check_size(texts, len(texts), limits)
    documents: list[Document] = []
    for number, text in enumerate(texts, 1):
        documents += documents_in(text, str(number), sentences)
    return documents


def _tokenised(lists: Any, limits: Limits) -> list[Document]:
    """Returns sentences of given tokens, whose ids are their numbers."""
    if not isinstance(lists, list) or not all(isinstance(tokens, list) for tokens in lists):
        raise _fail(f"tokens that are {show(lists)}", "a list of lists of strings")
    strings = [token for tokens in lists for token in tokens if isinstance(token, str)]
    _check_size(strings, len(lists), limits)
    return [
        from_tokens(parse_sentence({"tokens": tokens}, "request, tokens", number, gold=False))
        for number, tokens in enumerate(lists, 1)
    ]


def _check_size(strings: Sequence[str], texts: int, limits: Limits) -> None:
    """Checks the number of texts and of characters, and that every character is one.

    Raises:
      InputError: a string contains half of a surrogate pair.
      Refused: there are too many.
    """
    characters = sum(map(len, strings))
    if texts > limits.texts:
        raise Refused(413, str(_fail(f"{texts} texts", f"at most {limits.texts}: send several requests")))
    if characters > limits.characters:
        expected = f"at most {limits.characters}: send several requests"
        raise Refused(413, str(_fail(f"{characters} characters", expected)))
    for text in strings:
        if not is_unicode(text):
            raise _fail(f"half of a surrogate pair in {show(text)}", "whole Unicode characters")


def _number(text: str) -> float:
    """Returns the number in a field of the form."""
    try:
        return float(text)
    except ValueError:
        raise _fail(f"threshold {show(text)}", "a number in [0, 1), such as 0.5") from None


def _fail(found: str, expected: str) -> InputError:
    """Returns the error for a request."""
    return InputError("request", None, found, expected)
