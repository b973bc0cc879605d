"""The reader and the writer of brat's standoff format: a text NAME.txt with its annotations in NAME.ann.

    T1<TAB>Person 0 8<TAB>Jane Roe
    T2<TAB>Org 19 23<TAB>Acme
    R1<TAB>Work_For Arg1:T1 Arg2:T2

A corpus is a folder of such files, also in folders below it. A document's id is its path without the suffix.
Source: brat.nlplab.org/standoff.html.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

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
from cman_jax.files import read_lines, read_utf8, show, write_atomically
from cman_jax.folders import files_below, is_hidden
from cman_jax.types import Sentence

DISCONTINUOUS = "an entity of several pieces (left out)"
EVENT = "an event (left out)"
ATTRIBUTE = "an attribute, a note or a normalisation (not read)"
EQUIVALENCE = "an equivalence of entities (not read)"
BARE = "a text without an .ann file (read as a text without entities)"

_TEXT, _ANNOTATIONS = ".txt", ".ann"
_ENTITY = re.compile(r"(\S+) (\d{1,9} \d{1,9}(?:;\d{1,9} \d{1,9})*)")
_RELATION = re.compile(r"(\S+) [^\s:]+:([TE]\S+) [^\s:]+:([TE]\S+)")
_UNREAD = {"E": EVENT, "A": ATTRIBUTE, "M": ATTRIBUTE, "N": ATTRIBUTE, "#": ATTRIBUTE, "*": EQUIVALENCE}
_EXPECTED = "a line of brat's: an id, a tab, and an annotation such as 'Person 0 8'"


class _Annotations(NamedTuple):
    """The annotations of a file.

    Attributes:
      spans: the entities.
      links: the relations.
      keys: all ids of the file.
    """

    spans: list[Span]
    links: list[Link]
    keys: dict[str, int]


def read_brat(path: str | Path, layout: Layout = DEFAULT_LAYOUT) -> Reading:
    """Returns the sentences of all texts of a folder, or of one text, which may have none.

    Args:
      path: the folder, or a file NAME.txt or NAME.ann.
      layout: how the texts are divided into sentences and tokens.

    Raises:
      InputError: a file is malformed or missing; the message names the line and the document.
      OSError: a file cannot be read.
    """
    root = Path(path)
    found = files_below(root, (_TEXT, _ANNOTATIONS)) if root.is_dir() else [root]
    stems = sorted({file.with_suffix("") for file in found})
    reading = Reading([], [], [])
    for stem in stems:
        name = (stem.relative_to(root) if root.is_dir() else Path(stem.name)).as_posix()
        document = _read_document(stem, name, reading.oddities)
        add_document(reading, document, layout)
    if root.is_dir() and not reading.sentences:
        raise InputError(path, None, "no text with a token", "a folder with NAME.txt and NAME.ann")
    return reading


def _read_document(stem: Path, name: str, oddities: list[Oddity]) -> AnnotatedText:
    """Reads a text and its annotations.

    Args:
      stem: the path of both files without the suffix.
      name: the document's id.
      oddities: gets what is odd.
    """
    text_path, path = _file(stem, _TEXT), _file(stem, _ANNOTATIONS)
    if not text_path.is_file():
        raise InputError(path, None, "no text beside it", f"the file {text_path.name} that it annotates")
    text = read_utf8(text_path)
    annotations = _Annotations([], [], {})
    if path.is_file():
        for line, content in enumerate(read_lines(path), 1):
            _read_line(content, Place(path, line, name), text, annotations, oddities)
        _check_links(annotations, path, name)
    else:
        oddities.append(Oddity(str(text_path), 1, BARE, f"document {name}"))
    return AnnotatedText(name, text, annotations.spans, annotations.links, path, 1)


def _file(stem: Path, suffix: str) -> Path:
    """Returns the path with a suffix, which is in capitals if only such a file exists."""
    small, capitals = (stem.with_name(f"{stem.name}{each}") for each in (suffix, suffix.upper()))
    return capitals if capitals.is_file() and not small.is_file() else small


def _read_line(
    content: str, place: Place, text: str, annotations: _Annotations, oddities: list[Oddity]
) -> None:
    """Reads one line of annotations into `annotations`, or names it in `oddities`."""
    if not content.strip():
        return
    key, tab, rest = content.partition("\t")
    if not tab or key[:1] not in (*_UNREAD, "T", "R"):
        raise place.error(show(content), _EXPECTED)
    if key[0] in _UNREAD:
        oddities.append(place.oddity(_UNREAD[key[0]], show(content)))
        annotations.keys[key] = place.line
        return
    if key in annotations.keys:
        raise place.error(f"the id {key} of line {annotations.keys[key]} again", "ids that occur once")
    annotations.keys[key] = place.line
    if key[0] == "T":
        _read_entity(key, rest, place, text, annotations, oddities)
    elif match := _RELATION.fullmatch(rest.split("\t")[0].strip()):
        annotations.links.append(Link(match[2], match[3], match[1], place.line))
    else:
        raise place.error(show(content), "a relation such as 'R1<tab>Work_For Arg1:T1 Arg2:T2'")


def _read_entity(
    key: str, rest: str, place: Place, text: str, annotations: _Annotations, oddities: list[Oddity]
) -> None:
    """Reads the part of an entity's line after its id."""
    description, _, quoted = rest.partition("\t")
    if not (match := _ENTITY.fullmatch(description)):
        raise place.error(f"{key} {show(description)}", "a type and offsets, such as 'Person 0 8'")
    pieces = [tuple(map(int, piece.split())) for piece in match[2].split(";")]
    between = [text[end:start] for (_, end), (start, _) in itertools.pairwise(pieces)]
    if "".join(between).strip():  # pieces that only a line end separates are one
        oddities.append(place.oddity(DISCONTINUOUS, f"{key} {match[1]} {show(quoted)}"))
        return
    start, end = pieces[0][0], pieces[-1][1]
    there = text[start:end]
    if quoted and there.split() != quoted.split():
        expected = f"the text at {start} to {end}, {show(there)}: the text must be the one that was annotated"
        raise place.error(f"{key} {show(quoted)}", expected)
    annotations.spans.append(Span(key, start, end, match[1], place.line))


def _check_links(annotations: _Annotations, path: Path, name: str) -> None:
    """Raises an InputError if a relation has an argument that the file does not contain."""
    for link in annotations.links:
        for key in (link.subject, link.object):
            if key not in annotations.keys:
                place = Place(path, link.line, name)
                raise place.error(f"a relation to {key}", "an entity of this file")


def standoff(
    entities: Sequence[tuple[int, int, str]], relations: Iterable[tuple[int, int, str]], text: str
) -> str:
    """Returns the content of an .ann file.

    Args:
      entities: (first character, character after the last one, type) of each entity.
      relations: (index of the subject, index of the object, type) of each relation.
      text: the text that is annotated.
    """
    lines = []
    for number, (start, end, entity_type) in enumerate(entities, 1):
        quoted = " ".join(text[start:end].split())
        lines.append(f"T{number}\t{entity_type} {start} {end}\t{quoted}\n")
    for number, (subject, object_, relation_type) in enumerate(relations, 1):
        lines.append(f"R{number}\t{relation_type} Arg1:T{subject + 1} Arg2:T{object_ + 1}\n")
    return "".join(lines)


def refuse_name(folder: str | Path, name: str) -> None:
    """Raises an InputError if an id cannot be the name of a file in the folder that is not hidden."""
    if "\\" in name or any(part == "" or is_hidden(part) for part in name.split("/")):
        expected = "ids that can be names of files inside the folder, without a dot at the beginning"
        raise InputError(folder, None, f"the id {show(name)}", expected)


def refuse_types(folder: str | Path, name: str, types: Iterable[str]) -> None:
    """Raises an InputError if the type of an entity or a relation of a sentence contains white space."""
    for each in types:
        if any(char.isspace() for char in each):
            found = f"the type {show(each)} in {show(name)}"
            raise InputError(folder, None, found, "types without white space, which brat cannot hold")


def text_bytes(text: str) -> bytes:
    """Returns the content of a text's file; a reader takes a byte order mark at its beginning away."""
    return (f"\ufeff{text}" if text.startswith("\ufeff") else text).encode()


def write_brat(folder: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes each sentence as a text of its own, with the tokens joined by spaces.

    Raises:
      InputError: as `refuse_name` and `refuse_types`.
    """
    for sentence in sentences:
        refuse_name(folder, sentence.id)
        refuse_types(folder, sentence.id, [each.type for each in (*sentence.entities, *sentence.relations)])
        text, places = text_of(sentence)
        spans = [(*place, entity.type) for place, entity in zip(places, sentence.entities, strict=True)]
        annotations = standoff(spans, sentence.relations, text)
        write_atomically(Path(folder) / f"{sentence.id}.txt", text_bytes(f"{text}\n"))
        write_atomically(Path(folder) / f"{sentence.id}.ann", annotations.encode())
