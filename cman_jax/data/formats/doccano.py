"""The reader and the writer of doccano's JSONL exports, one document per line, in both shapes.

    {"id": 1, "text": "Jane Roe works for Acme.", "label": [[0, 8, "Person"], [19, 23, "Org"]]}

    {"id": 1, "text": "Jane Roe works for Acme.",
     "entities": [{"id": 5, "label": "Person", "start_offset": 0, "end_offset": 8}, ...],
     "relations": [{"id": 9, "from_id": 5, "to_id": 6, "type": "Work_For"}]}

The first shape is the export of sequence labelling, the second one that of projects with relations.
Source: github.com/doccano/doccano.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.data.formats.oddities import Oddity, Place, Reading
from cman_jax.data.formats.standoff import (
    DEFAULT_LAYOUT,
    AnnotatedText,
    Layout,
    Link,
    Span,
    add_document,
)
from cman_jax.data.text import text_of
from cman_jax.errors import InputError
from cman_jax.files import check_keys, json_text, parse_json, read_lines, show, write_atomically
from cman_jax.types import Sentence

UNREAD = "a key without entities or relations (not read)"

_LABELS = ("label", "labels")
_ENTITY_KEYS = ("id", "label", "start_offset", "end_offset")
_RELATION_KEYS = ("from_id", "to_id", "type")
_EXPECTED = 'an export of doccano: an object with "text" and "label", or with "text", "entities", "relations"'


def read_doccano(path: str | Path, layout: Layout = DEFAULT_LAYOUT) -> Reading:
    """Returns the sentences of all documents of a file.

    Args:
      path: the file.
      layout: how the texts are divided into sentences and tokens.

    Raises:
      InputError: a line is malformed; the message names the line and the document.
      OSError: the file cannot be read.
    """
    reading = Reading([], [], [])
    first_line: dict[str, int] = {}
    for line, content in enumerate(read_lines(path), 1):
        if not content.strip():
            continue
        document = _document(content, Path(path), line, reading.oddities)
        if first_line.setdefault(document.id, line) != line:
            place = Place(Path(path), line, document.id)
            raise place.error(f"the id of line {first_line[document.id]} again", "ids that occur once")
        add_document(reading, document, layout)
    if not reading.sentences:
        raise InputError(path, None, "no text with a token", "at least one document")
    return reading


def _document(content: str, path: Path, line: int, oddities: list[Oddity]) -> AnnotatedText:
    """Returns the document of a line; without an id, the line's number is the id."""
    value = parse_json(content, partial(InputError, path, line))
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise InputError(path, line, show(value), _EXPECTED)
    place = Place(path, line, _id(value, path, line))
    if "entities" in value:
        read, spans, links = ("entities", "relations"), _entities(value, place), _relations(value, place)
    else:
        keys = [key for key in _LABELS if key in value]
        if len(keys) != 1:
            raise place.error(f"the keys {', '.join(map(show, value))}", _EXPECTED)
        read, spans, links = tuple(keys), list(_labels(value[keys[0]], place)), []
    for key in value:
        if key not in ("id", "text", *read):
            oddities.append(place.oddity(UNREAD, f"{show(key)} = {show(value[key])}"))
    return AnnotatedText(place.document, value["text"], spans, links, path, line)


def _id(value: dict[str, Any], path: Path, line: int) -> str:
    """Returns the id of a document as text."""
    name = value.get("id", line)
    if type(name) not in (int, str):
        raise InputError(path, line, f"id {show(name)}", "an integer or a string")
    return str(name)


def _labels(value: Any, place: Place) -> Iterator[Span]:
    """Yields the spans of the first shape."""
    if not isinstance(value, list):
        raise place.error(f"labels that are {show(value)}", "a list such as [[0, 8, 'Person']]")
    for number, item in enumerate(value):
        if not isinstance(item, list) or [type(each) for each in item] != [int, int, str]:
            raise place.error(
                f"label {number} = {show(item)}", "[start, end, type], such as [0, 8, 'Person']"
            )
        yield Span(str(number), item[0], item[1], item[2], place.line)


def _objects(value: Any, what: str, keys: tuple[str, ...], place: Place) -> list[dict[str, Any]]:
    """Returns a list of objects that have all keys, and raises for other values."""
    if not isinstance(value, list):
        raise place.error(f"{what} that are {show(value)}", "a list of objects")
    for number, item in enumerate(value):
        check_keys(item, keys, None, f"{what} {number}", place.error)
    return value


def _entities(value: dict[str, Any], place: Place) -> list[Span]:
    """Returns the entities of the second shape."""
    spans, keys = [], set()
    for item in _objects(value["entities"], "entities", _ENTITY_KEYS, place):
        key, kind, start, end = (item[name] for name in _ENTITY_KEYS)
        if type(start) is not int or type(end) is not int or not isinstance(kind, str):
            raise place.error(f"the entity {show(item)}", "integer offsets and a label that is a string")
        if str(key) in keys:
            raise place.error(f"the entity id {show(key)} again", "ids of entities that occur once")
        keys.add(str(key))
        spans.append(Span(str(key), start, end, kind, place.line))
    return spans


def _relations(value: dict[str, Any], place: Place) -> list[Link]:
    """Returns the relations of the second shape."""
    keys = {str(item["id"]) for item in value["entities"]}
    links = []
    for item in _objects(value.get("relations", []), "relations", _RELATION_KEYS, place):
        subject, object_, kind = (item[name] for name in _RELATION_KEYS)
        if not isinstance(kind, str):
            raise place.error(f"the relation type {show(kind)}", "a string")
        for key in (subject, object_):
            if str(key) not in keys:
                raise place.error(f"a relation to entity {show(key)}", "the id of an entity of the document")
        links.append(Link(str(subject), str(object_), kind, place.line))
    return links


def write_doccano(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes each sentence as a document of the second shape, with the tokens joined by spaces."""
    lines = []
    for sentence in sentences:
        text, places = text_of(sentence)
        entities = [
            {"id": number, "label": entity.type, "start_offset": start, "end_offset": end}
            for number, ((start, end), entity) in enumerate(zip(places, sentence.entities, strict=True))
        ]
        relations = [
            {"id": number, "from_id": relation.subject, "to_id": relation.object, "type": relation.type}
            for number, relation in enumerate(sentence.relations)
        ]
        value = {"id": sentence.id, "text": text, "entities": entities, "relations": relations}
        lines.append(json_text(value, ensure_ascii=False) + "\n")
    write_atomically(path, "".join(lines).encode())
