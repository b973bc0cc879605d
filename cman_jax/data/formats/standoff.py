"""The conversion of a text with annotations by character offsets to annotated sentences of tokens.

brat, doccano and Label Studio annotate running text. Each text is split into sentences and tokens here, and
the spans are moved to whole tokens. What the canonical form cannot express is named among the oddities.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.oddities import Oddity, Reading, oddity_of_link
from cman_jax.data.sentences import split_sentences
from cman_jax.data.text import Sentences
from cman_jax.data.treebank import Token, treebank_tokens
from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Sentence, is_unicode

CUT = "a span that cuts a token (widened to whole tokens)"
CROSSING = "a span across a sentence end (the sentences are joined)"
BLANK = "a span without a token (left out)"
NO_WORDS = "a text without a token (left out)"
SAME = "two spans with the same tokens and type (kept once)"
APART = "a relation across sentences (left out)"
LEFT_OUT = "a relation to something that is left out (left out too)"


class Layout(NamedTuple):
    """How running text is divided.

    Attributes:
      sentences: "split" finds the ends of sentences, "line" takes each line as one sentence.
      tokens: "treebank" splits text as extraction from raw text does, "spaces" at white space only.
    """

    sentences: Sentences = "split"
    tokens: Literal["treebank", "spaces"] = "treebank"


DEFAULT_LAYOUT = Layout()


class Span(NamedTuple):
    """An entity by character offsets.

    Attributes:
      key: its name in the file, such as "T1".
      start: index of the first character.
      end: index after the last character.
      type: the entity type.
      line: number of its line in the file.
    """

    key: str
    start: int
    end: int
    type: str
    line: int


class Link(NamedTuple):
    """A relation between spans.

    Attributes:
      subject: key of the subject.
      object: key of the object.
      type: the relation type.
      line: number of its line in the file.
    """

    subject: str
    object: str
    type: str
    line: int


class AnnotatedText(NamedTuple):
    """A document.

    Attributes:
      id: its name.
      text: the running text.
      spans: the entities.
      links: the relations; a key without a span is that of an annotation which the reader left out.
      path: the file with the annotations.
      line: number of the document's first line in the file.
    """

    id: str
    text: str
    spans: Sequence[Span]
    links: Sequence[Link]
    path: Path
    line: int


class _Piece(NamedTuple):
    """A sentence of a document: its tokens, whose places are those in the whole text."""

    tokens: list[Token]

    def covering(self, span: Span) -> tuple[int, int] | None:
        """Returns the first token of a span and the token after its last one, or None if it has no token."""
        inside = [i for i, t in enumerate(self.tokens) if t.start < span.end and span.start < t.end]
        return (inside[0], inside[-1] + 1) if inside else None


def add_document(reading: Reading, document: AnnotatedText, layout: Layout) -> None:
    """Adds the sentences of a document to a reading, and what is odd about its annotations.

    Raises:
      InputError: as `sentences_of`.
    """
    sentences, oddities = sentences_of(document, layout)
    reading.sentences.extend(sentences)
    reading.oddities.extend(oddities)
    reading.documents.extend([document.id] * len(sentences))


def sentences_of(document: AnnotatedText, layout: Layout) -> tuple[list[Sentence], list[Oddity]]:
    """Returns the sentences of a document, and what is odd about its annotations.

    A document of one sentence gives the sentence its id. The sentences of longer documents have the ids
    "ID.1", "ID.2", and so on.

    Raises:
      InputError: a span is not within the text, or a name is not allowed.
    """
    oddities: list[Oddity] = []
    _check_text(document)
    _check_spans(document)
    pieces = list(_pieces(document, layout, oddities))
    if not pieces:
        oddities.append(Oddity(str(document.path), document.line, NO_WORDS, f"document {document.id}"))
    entities, place_of = _place_spans(document, pieces, oddities)
    relations = _place_links(document, place_of, len(pieces), oddities)
    sentences = []
    for number, piece in enumerate(pieces):
        name = document.id if len(pieces) == 1 else f"{document.id}.{number + 1}"
        value = {
            "id": name,
            "tokens": [token.text for token in piece.tokens],
            "entities": [dict(zip(("start", "end", "type"), key, strict=True)) for key in entities[number]],
            "relations": [
                dict(zip(("subject", "object", "type"), key, strict=True)) for key in relations[number]
            ],
        }
        sentences.append(parse_sentence(value, document.path, document.line))
    return sentences, oddities


def _check_text(document: AnnotatedText) -> None:
    """Raises an InputError if a character is half of a pair, which no file can hold."""
    if not is_unicode(document.text):
        found = f"half of a surrogate pair in the text of document {show(document.id)}"
        raise InputError(document.path, document.line, found, "whole characters")


def _check_spans(document: AnnotatedText) -> None:
    """Raises an InputError if a span is empty or not within the text."""
    for span in document.spans:
        if not 0 <= span.start < span.end <= len(document.text):
            found = f"the span {span.start} to {span.end} of {show(span.key)} in document {show(document.id)}"
            expected = f"a start below its end, both from 0 to {len(document.text)}"
            raise InputError(document.path, span.line, found, expected)


def _pieces(document: AnnotatedText, layout: Layout, oddities: list[Oddity]) -> Iterator[_Piece]:
    """Yields the sentences; sentences are joined where a span crosses the end of the first one."""
    for start, end in _join_crossed(_ranges(document.text, layout), document, oddities):
        text = document.text[start:end]
        tokens = treebank_tokens(text) if layout.tokens == "treebank" else _words(text)
        if tokens:
            yield _Piece([Token(t.text, t.start + start, t.end + start) for t in tokens])


def _ranges(text: str, layout: Layout) -> list[tuple[int, int]]:
    """Returns the start and the end of each sentence of a text."""
    if layout.sentences == "split":
        return split_sentences(text)
    ends = list(itertools.accumulate(len(line) + 1 for line in text.split("\n")))
    return list(itertools.pairwise([0, *ends[:-1], len(text)]))


def _words(text: str) -> list[Token]:
    """Returns the pieces of a text between white space."""
    return [Token(word[0], *word.span()) for word in re.finditer(r"\S+", text)]


def _join_crossed(
    ranges: Sequence[tuple[int, int]], document: AnnotatedText, oddities: list[Oddity]
) -> list[tuple[int, int]]:
    """Returns the ranges of sentences such that no span crosses the end of one."""
    joined = list(ranges)
    for span in document.spans:
        inside = [i for i, (start, end) in enumerate(joined) if start < span.end and span.start < end]
        if len(inside) > 1:
            first, last = inside[0], inside[-1]
            joined[first : last + 1] = [(joined[first][0], joined[last][1])]
            oddities.append(_oddity(document, span, CROSSING))
    return joined


def _oddity(document: AnnotatedText, span: Span, kind: str, more: str = "") -> Oddity:
    """Returns the oddity of a span, with the document and the span's text."""
    quoted = show(document.text[span.start : span.end])
    detail = f"document {document.id}, {span.key} {span.type} {quoted}{more}"
    return Oddity(str(document.path), span.line, kind, detail)


_Place = tuple[int, int]
"""A sentence of a document, and the index of an entity among the sentence's entities."""


def _place_spans(
    document: AnnotatedText, pieces: Sequence[_Piece], oddities: list[Oddity]
) -> tuple[list[list[tuple[int, int, str]]], dict[str, _Place]]:
    """Returns the entities of each sentence as (start, end, type), and the place of each span by its key."""
    entities: list[list[tuple[int, int, str]]] = [[] for _ in pieces]
    place_of: dict[str, _Place] = {}
    for span in document.spans:
        places = [(number, piece.covering(span)) for number, piece in enumerate(pieces)]
        number, tokens = next(((n, t) for n, t in places if t is not None), (0, None))
        if tokens is None:
            oddities.append(_oddity(document, span, BLANK))
            continue
        first, last = pieces[number].tokens[tokens[0]], pieces[number].tokens[tokens[1] - 1]
        if document.text[span.start : span.end].strip() != document.text[first.start : last.end].strip():
            widened = f" to {show(document.text[first.start : last.end])}"
            oddities.append(_oddity(document, span, CUT, widened))
        entity = (*tokens, span.type)
        if entity in entities[number]:
            oddities.append(_oddity(document, span, SAME))
        else:
            entities[number].append(entity)
        place_of[span.key] = (number, entities[number].index(entity))
    return entities, place_of


def _place_links(
    document: AnnotatedText, place_of: dict[str, _Place], num_sentences: int, oddities: list[Oddity]
) -> list[list[tuple[int, int, str]]]:
    """Returns the relations of each sentence as (subject, object, type)."""
    relations: list[list[tuple[int, int, str]]] = [[] for _ in range(num_sentences)]
    for link in document.links:
        subject, object_ = place_of.get(link.subject), place_of.get(link.object)
        if subject is None or object_ is None:
            kind = LEFT_OUT
        elif subject[0] != object_[0]:
            kind = APART
        else:
            relation, others = (subject[1], object_[1], link.type), relations[subject[0]]
            if not (kind := oddity_of_link(relation, others)):
                others.append(relation)
        if kind:
            detail = f"document {document.id}, {link.type} from {link.subject} to {link.object}"
            oddities.append(Oddity(str(document.path), link.line, kind, detail))
    return relations
