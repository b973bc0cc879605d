"""The reader of Bekoulis et al.'s (2018) column format, in which they publish CoNLL04.

A sentence is a line `#doc ID`, followed by one line per token with five columns, separated by tabs:

    index <TAB> token <TAB> BIO tag <TAB> ['Kill', ...] <TAB> [15, ...]

The two lists are parallel. The first list contains the types of the relations whose subject ends at this
token. The second list contains the last tokens of the objects. A token without a relation has ['N'] and its
own index. Source: github.com/bekou/multihead_joint_entity_relation_extraction.
"""

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.bio import starts_chunk, tags_to_spans
from cman_jax.data.corpus import parse_sentence, to_json
from cman_jax.data.formats.oddities import OUTSIDE, RELATION_TWICE, SELF, Oddity, Reading, oddity_of_link
from cman_jax.errors import InputError
from cman_jax.files import read_lines, show
from cman_jax.types import Entity, Relation, Sentence, is_token

NO_B = "an I- tag that begins an entity (no B- before it; read as a new entity)"
NOT_LAST = "a relation end inside an entity, not at its last token (moved to the entity)"
BOTH_WAYS = "a relation of one type in both directions (both kept)"

_HEADER = re.compile(r"#doc (\S+)")
_TAG = re.compile(r"O|[BI]-\S+")
_TYPE, _INDEX = r"'[^',\\\s]+'", r"(?:0|[1-9][0-9]{0,5})"
_TYPES = re.compile(rf"\[{_TYPE}(?:, *{_TYPE})*\]")
_INDICES = re.compile(rf"\[{_INDEX}(?:, *{_INDEX})*\]")


class Row(NamedTuple):
    """The line of one token.

    Attributes:
      line: number of the line.
      token: the token.
      tag: the BIO tag.
      relations: (type, last token of the object) of each relation whose subject ends here.
    """

    line: int
    token: str
    tag: str
    relations: tuple[tuple[str, int], ...]


class _Document(NamedTuple):
    """The lines of one sentence.

    Attributes:
      line: number of the line `#doc ID`.
      id: the ID of that line.
      rows: the lines of the tokens.
    """

    line: int
    id: str
    rows: list[Row]


def read_columns(path: str | Path) -> Reading:
    """Returns all sentences of a file, each of which is a document, and everything that is odd.

    Every `#doc` becomes one sentence, and every tag except O becomes part of an entity. Every relation of the
    file is in its sentence or among the oddities.

    Raises:
      InputError: names the line of any other deviation from the format.
      OSError: the file cannot be read.
    """
    sentences: list[Sentence] = []
    oddities: list[Oddity] = []
    first_line: dict[str, int] = {}
    for document in _documents(path):
        if document.id in first_line:
            found = f"document {show(document.id)} of line {first_line[document.id]} again"
            raise InputError(path, document.line, found, "every document once")
        first_line[document.id] = document.line
        sentences.append(_sentence(document, path, oddities))
    if not sentences:
        raise InputError(path, None, "no line '#doc ID'", "at least one document")
    return Reading(sentences, oddities, [sentence.id for sentence in sentences])


def _documents(path: str | Path) -> Iterator[_Document]:
    """Yields the checked documents of a file."""
    document: _Document | None = None
    for line, text in enumerate(read_lines(path), 1):
        if text.startswith("#doc"):
            if document is not None:
                yield _checked(document, path)
            document = _Document(line, _document_id(text, path, line), [])
        elif document is None:
            raise InputError(path, line, show(text), "a line '#doc ID' at the start")
        else:
            document.rows.append(_row(text, len(document.rows), path, line))
    if document is not None:
        yield _checked(document, path)


def _document_id(text: str, path: str | Path, line: int) -> str:
    """Returns the ID of a line `#doc ID`."""
    if not (match := _HEADER.fullmatch(text)):
        raise InputError(path, line, show(text), "a line '#doc ID'")
    return match[1]


def _checked(document: _Document, path: str | Path) -> _Document:
    """Returns the document, and raises if it has no token or a relation to a token outside of it."""
    if not document.rows:
        raise InputError(path, document.line, "a document without a token", "at least one token line")
    for row in document.rows:
        for _, end in row.relations:
            if end >= len(document.rows):
                found = f"a relation to token {end}"
                raise InputError(path, row.line, found, f"a token from 0 to {len(document.rows) - 1}")
    return document


def _row(text: str, index: int, path: str | Path, line: int) -> Row:
    """Returns the parsed line of a token.

    Args:
      text: the line.
      index: the token's position in its document.
      path: the file, for error messages.
      line: the number of the line, for error messages.
    """
    cells = text.split("\t")
    if len(cells) != 5:
        raise InputError(path, line, f"{len(cells)} columns", "5, separated by tabs, or a line '#doc ID'")
    if cells[0] != str(index):
        raise InputError(path, line, f"token index {show(cells[0])}", f"the index {index}")
    if not cells[1].isalnum() and not is_token(cells[1]):  # isalnum only saves time
        raise InputError(path, line, f"token {show(cells[1])}", "text without whitespace or NUL")
    if not _TAG.fullmatch(cells[2]) or not cells[2].isprintable():
        raise InputError(path, line, f"tag {show(cells[2])}", "O, B-<type> or I-<type>")
    begins_none = cells[3:] == ["['N']", f"[{index}]"]
    relations = () if begins_none else relations_in_cells(cells[3], cells[4], index, path, line)
    return Row(line, cells[1], cells[2], relations)


def relations_in_cells(
    type_cell: str, end_cell: str, index: int, path: str | Path, line: int
) -> tuple[tuple[str, int], ...]:
    """Returns (type, last token of the object) for each relation in the last two columns of a line.

    Args:
      type_cell: the list of types.
      end_cell: the list of the objects' last tokens.
      index: the token's position in its sentence.
      path: the file, for error messages.
      line: the number of the line, for error messages.

    Raises:
      InputError: a column is not such a list, or the lists differ in length.
    """
    if not _TYPES.fullmatch(type_cell) or not type_cell.isprintable():
        raise InputError(path, line, f"relation types {show(type_cell)}", "a list like ['Kill', 'Live_In']")
    if not _INDICES.fullmatch(end_cell):
        raise InputError(path, line, f"relation ends {show(end_cell)}", "a list of token indices like [3, 7]")
    types = [item.strip(" '") for item in type_cell[1:-1].split(",")]
    ends = [int(item) for item in end_cell[1:-1].split(",")]
    if len(types) != len(ends):
        raise InputError(path, line, f"{len(types)} relation types and {len(ends)} ends", "equal numbers")
    if "N" in types:
        raise InputError(
            path, line, f"{show(type_cell)} with {show(end_cell)}", f"['N'] with [{index}] and no other type"
        )
    return tuple(zip(types, ends, strict=True))


def _sentence(document: _Document, path: str | Path, oddities: list[Oddity]) -> Sentence:
    """Returns the document's sentence, and appends what is odd about the document to `oddities`."""
    tags = [row.tag for row in document.rows]
    entities = tags_to_spans(tags)
    relations = _resolve(document, entities, path, oddities)
    for position, row in enumerate(document.rows):
        if row.tag.startswith("I-") and starts_chunk(tags[position - 1] if position else "O", row.tag):
            number = next(i for i, entity in enumerate(entities) if entity.start == position)
            touching = sum(number in (relation.subject, relation.object) for relation in relations)
            detail = f"document {document.id}, token {position}, {row.tag}, in {touching} relations"
            oddities.append(Oddity(str(path), row.line, NO_B, detail))
    sentence = Sentence(document.id, tuple(row.token for row in document.rows), entities, relations)
    return parse_sentence(to_json(sentence), path, document.line)


def _resolve(
    document: _Document, entities: tuple[Entity, ...], path: str | Path, oddities: list[Oddity]
) -> tuple[Relation, ...]:
    """Returns the relations between tokens as relations between entities, and appends to `oddities`."""
    owner = {
        token: number for number, entity in enumerate(entities) for token in range(entity.start, entity.end)
    }
    lasts = {entity.end - 1 for entity in entities}
    relations: dict[Relation, None] = {}
    for position, row in enumerate(document.rows):
        for relation_type, end in row.relations:
            kinds = [] if {position, end} <= lasts else [NOT_LAST]
            if position not in owner or end not in owner:
                kinds = [OUTSIDE]
            else:
                relation = Relation(owner[position], owner[end], relation_type)
                kinds += _clash(relation, relations)
                if not {SELF, RELATION_TWICE} & {*kinds}:
                    relations[relation] = None
            detail = f"document {document.id}, {relation_type} from token {position} to token {end}"
            oddities += [Oddity(str(path), row.line, kind, detail) for kind in kinds]
    return tuple(relations)


def _clash(relation: Relation, earlier: Container[Relation]) -> list[str]:
    """Returns the kinds of oddities of a relation, given the earlier relations of the sentence."""
    if kind := oddity_of_link(relation, earlier):
        return [kind]
    return [BOTH_WAYS] if Relation(relation.object, relation.subject, relation.type) in earlier else []
