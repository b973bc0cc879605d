"""The reader and the writer of CoNLL columns: a token per line with its tag, blank lines between sentences.

    # id = n1
    Jane      B-Person
    Roe       I-Person    ['Work_For']    [3]
    works     O
    Acme      B-Org

Columns are separated by tabs, or by other white space if the file has no tab. Tags may be BIO, BIO1 (IOB),
BIOES or BILOU. A file with relations has two more columns, separated by tabs, as in Bekoulis' format: the
types of the relations whose subject ends here, and the objects' last tokens, counted from 0. Columns between
the token and the tag (parts of speech) are not read. `-DOCSTART-` begins a document.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.data.bio import spans_to_tags, tags_to_spans
from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.bekoulis import Row, relations_in_cells
from cman_jax.data.formats.oddities import OUTSIDE, Oddity, Place, Reading, oddity_of_link
from cman_jax.data.overlap import has_overlap
from cman_jax.errors import InputError
from cman_jax.files import read_lines, show, write_atomically
from cman_jax.types import Entity, Sentence

DOCUMENT_START = "-DOCSTART-"

_TAG = re.compile(r"O|[BIESLU]-\S+")
_SAME_AS = {"S": "B", "U": "B", "E": "I", "L": "I"}
_ID = re.compile(r"#\s*(?:sent_)?id\s*[=:]\s*(\S.*)")
_LIST = re.compile(r"\[.*\]")


class _Block(NamedTuple):
    """The lines of one sentence.

    Attributes:
      line: number of the first token's line.
      id: the id of its comment, or None.
      document: how many documents have begun.
      rows: the lines of the tokens.
    """

    line: int
    id: str | None
    document: int
    rows: list[Row]


def read_conll(path: str | Path) -> Reading:
    """Returns all sentences of a file. A sentence without an id comment has its number as its id.

    Raises:
      InputError: a line is malformed; the message names the line and quotes it.
      OSError: the file cannot be read.
    """
    reading = Reading([], [], [])
    first_line: dict[str, int] = {}
    for number, block in enumerate(_blocks(path), 1):
        name = block.id or str(number)
        place = Place(Path(path), block.line, name)
        if first_line.setdefault(name, block.line) != block.line:
            raise place.error(f"the id of line {first_line[name]} again", "ids that occur once")
        reading.sentences.append(_sentence(block, place, reading.oddities))
        reading.documents.append(str(block.document) if block.document else name)
    if all(_counts(sentence.tokens) for sentence in reading.sentences) and len(reading.sentences) > 1:
        found = "a first column that counts the tokens"
        raise InputError(path, None, found, "the tokens in the first column: remove the column before them")
    if not reading.sentences:
        raise InputError(path, None, "no token", "a line per token, with the tag in the last column")
    return reading


def _counts(tokens: Sequence[str]) -> bool:
    """Returns whether the tokens are the numbers from 0 or 1 on."""
    return any(list(tokens) == [str(k) for k in range(start, start + len(tokens))] for start in (0, 1))


def _blocks(path: str | Path) -> Iterator[_Block]:
    """Yields the sentences of a file."""
    lines = read_lines(path)
    separator = "\t" if any("\t" in line for line in lines if line.strip()) else None
    rows: list[Row] = []
    name, document, start = None, 0, 1
    for number, line in enumerate([*lines, ""], 1):
        cells, lists = _cells(line, separator)
        if not line.strip() or cells[:1] == [DOCUMENT_START]:
            if rows:
                yield _Block(start, name, document, rows)
                rows, name = [], None
            document += cells[:1] == [DOCUMENT_START]
        elif not rows and (match := _ID.fullmatch(line.strip())) and not (separator and _has_tag(cells)):
            name = match[1].strip()
        elif not rows and line.startswith("#") and not _has_tag(cells):
            continue  # another comment
        else:
            start = start if rows else number
            rows.append(_row(cells, lists, len(rows), path, number))


_Lists = tuple[str, str] | None
"""The two columns of a token's relations; None: a line has none."""


def _cells(line: str, separator: str | None) -> tuple[list[str], _Lists]:
    """Returns the columns of a line up to the tag, and the two columns of relations after it."""
    cells = [cell for cell in line.split(separator) if cell != ""]
    if len(cells) > 3 and all(_LIST.fullmatch(cell) for cell in cells[-2:]):
        return cells[:-2], (cells[-2], cells[-1])
    return cells, None


def _has_tag(cells: Sequence[str]) -> bool:
    """Returns whether the columns can be those of a token, which a comment's are not."""
    return len(cells) > 1 and _TAG.fullmatch(cells[-1]) is not None


def _row(cells: list[str], lists: _Lists, index: int, path: str | Path, line: int) -> Row:
    """Returns the parsed line of the sentence's token number `index`."""
    relations: tuple[tuple[str, int], ...] = ()
    if lists not in (None, ("[]", "[]"), ("['N']", f"[{index}]")):
        relations = relations_in_cells(*lists, index, path, line)
    if len(cells) < 2:
        raise InputError(path, line, show(" ".join(cells)), "a token and its tag, separated by white space")
    if not _TAG.fullmatch(cells[-1]):
        expected = "O, or B-, I-, E-, S- (BIOES) or L-, U- (BILOU) and a type"
        raise InputError(path, line, f"the tag {show(cells[-1])} of the token {show(cells[0])}", expected)
    prefix, dash, kind = cells[-1].partition("-")
    return Row(line, cells[0], f"{_SAME_AS.get(prefix, prefix)}{dash}{kind}", relations)


def _sentence(block: _Block, place: Place, oddities: list[Oddity]) -> Sentence:
    """Returns the sentence of its lines, and names in `oddities` the relations that are left out."""
    entities = tags_to_spans([row.tag for row in block.rows])
    relations: dict[tuple[int, int, str], None] = {}
    for position, row in enumerate(block.rows):
        for kind, end in row.relations:
            if end >= len(block.rows):
                found = f"a relation to token {end}"
                raise place._replace(line=row.line).error(found, f"a token from 0 to {len(block.rows) - 1}")
            subject, object_ = _owner(entities, position), _owner(entities, end)
            if subject is None or object_ is None:
                odd = OUTSIDE
            elif not (odd := oddity_of_link((subject, object_, kind), relations)):
                relations[subject, object_, kind] = None
            if odd:
                detail = f"{kind} from token {position} to token {end}"
                oddities.append(place._replace(line=row.line).oddity(odd, detail))
    value = {
        "id": place.document,
        "tokens": [row.token for row in block.rows],
        "entities": [entity._asdict() for entity in entities],
        "relations": [{"subject": s, "object": o, "type": kind} for s, o, kind in relations],
    }
    return parse_sentence(value, place.path, place.line)


def _owner(entities: Iterable[Entity], token: int) -> int | None:
    """Returns the number of the entity that contains a token, or None."""
    return next((i for i, e in enumerate(entities) if e.start <= token < e.end), None)


def write_conll(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes all sentences with BIO tags and the two columns of relations.

    Raises:
      InputError: entities of a sentence overlap, which tags cannot express, or the columns cannot hold a type
        or a token.
    """
    lines = []
    for sentence in sentences:
        if has_overlap(sentence):
            found = f"overlapping entities in sentence {show(sentence.id)}"
            raise InputError(path, None, found, "entities that BIO tags can express, or another format")
        for annotated in (*sentence.entities, *sentence.relations):
            if not re.fullmatch(r"[^\s',\\\[\]]+", annotated.type):
                found = f"the type {show(annotated.type)} in sentence {show(sentence.id)}"
                raise InputError(path, None, found, "types without white space, quotes, commas and brackets")
        if any(relation.type == "N" for relation in sentence.relations):
            found = f"the relation type 'N' in sentence {show(sentence.id)}"
            raise InputError(path, None, found, "other types, because N says that there is no relation")
        if DOCUMENT_START in sentence.tokens:
            found = f"the token {DOCUMENT_START} in sentence {show(sentence.id)}"
            raise InputError(path, None, found, "other tokens, because such a line begins a document")
        lines.append(f"# id = {sentence.id}\n")
        tags = spans_to_tags(len(sentence.tokens), sentence.entities)
        for position, (token, tag) in enumerate(zip(sentence.tokens, tags, strict=True)):
            there = [r for r in sentence.relations if sentence.entities[r.subject].end - 1 == position]
            ends = [sentence.entities[relation.object].end - 1 for relation in there]
            lines.append(f"{token}\t{tag}\t{[r.type for r in there]}\t{ends}\n")
        lines.append("\n")
    write_atomically(path, "".join(lines).encode())
