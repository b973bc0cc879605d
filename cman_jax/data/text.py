"""Raw text to tokens with character offsets, and annotations back onto the text."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cman_jax.data.corpus import parse_json, parse_sentence
from cman_jax.data.errors import InputError
from cman_jax.data.treebank import treebank_tokens
from cman_jax.data.utf8 import decode_line
from cman_jax.types import Annotation, Sentence


class Document(NamedTuple):
    """A sentence of some text. `offsets[i]` are token i's first character and the one after its last.

    A token is the straight form of its piece of the text (see `treebank`), or the piece itself.
    """

    sentence: Sentence
    text: str
    offsets: tuple[tuple[int, int], ...]


def from_text(text: str, name: str) -> Document:
    """Tokenises a sentence by the conventions of the Penn Treebank, as the corpora are.

    The tokens have straight quotes and dashes, as in the corpora, whatever the text has; the network reads
    the tokens, and text and offsets keep the characters as they stand.

    Raises:
      InputError: the extra `text` is not installed.
    """
    tokens = treebank_tokens(text)
    offsets = tuple((token.start, token.end) for token in tokens)
    return Document(Sentence(name, tuple(token.text for token in tokens)), text, offsets)


def from_tokens(sentence: Sentence) -> Document:
    """The text of a tokenised sentence is its tokens, one space between them."""
    offsets, position = [], 0
    for token in sentence.tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return Document(sentence, " ".join(sentence.tokens), tuple(offsets))


def parse_documents(
    lines: Iterable[bytes], path: str | Path, kind: Literal["auto", "text", "jsonl"]
) -> Iterator[Document]:
    """One document per line, blank lines included, so that output lines match input lines.

    Args:
      lines: UTF-8, with or without their ends.
      path: their file, for error messages.
      kind: raw text, or JSON objects of the canonical form of which only `tokens` is required; "auto": JSON
        if the first line that is not blank starts with an opening brace.

    Raises:
      InputError: a line is not valid UTF-8 or no such object.
    """
    for number, raw in enumerate(lines, 1):
        line = decode_line(raw, path, number)
        if kind == "auto" and line.strip():
            kind = "jsonl" if line.lstrip().startswith("{") else "text"
        if kind == "jsonl" and line.strip():
            obj = parse_json(line, partial(InputError, path, number))
            yield from_tokens(parse_sentence(obj, path, number, gold=False))
        elif line.strip():
            yield from_text(line, str(number))
        else:
            yield Document(Sentence(str(number), ()), line, ())


def to_record(document: Document, annotation: Annotation) -> dict[str, Any]:
    """A JSON-ready object: the canonical form with text, character offsets and probabilities added.

    It holds the document's id, text and tokens; entities with `start, end` in tokens and `start_char,
    end_char` in characters (ends exclusive), type, text and probability; relations between them by index.
    The text, also an entity's, is as it was given. The tokens are what the network read: of raw text, the
    straight forms, so that "Ann’s" has the tokens "Ann" and "'s"; of tokens, the tokens as given.
    """
    entities = []
    for entity, probability in zip(annotation.entities, annotation.entity_prob, strict=True):
        start_char, end_char = document.offsets[entity.start][0], document.offsets[entity.end - 1][1]
        span = {"start_char": start_char, "end_char": end_char, "text": document.text[start_char:end_char]}
        entities.append({**entity._asdict(), **span, "probability": round(probability, 6)})
    relations = [
        {**relation._asdict(), "probability": round(probability, 6)}
        for relation, probability in zip(annotation.relations, annotation.relation_prob, strict=True)
    ]
    return {
        "id": document.sentence.id,
        "text": document.text,
        "tokens": list(document.sentence.tokens),
        "entities": entities,
        "relations": relations,
    }
