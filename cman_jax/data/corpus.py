"""The canonical corpus: one JSON object a line, checked completely when it is read.

    {"id": "5121", "tokens": ["On", ...], "entities": [{"start": 10, "end": 12, "type": "Org"}, ...],
     "relations": [{"subject": 0, "object": 1, "type": "OrgBased_In"}, ...]}

Spans are token offsets with an exclusive end; a relation's arguments index the sentence's entities. A split
is a file `<split>.jsonl`, UTF-8, in the corpus's directory. What `read_jsonl` returns obeys every rule below,
so no code after it checks again.
"""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import Fail, check_keys, parse_json, read_lines, show, write_atomically
from cman_jax.types import Entity, Relation, Sentence, are_tokens

_KEYS = ("id", "tokens", "entities", "relations")
_ENTITY_KEYS = ("start", "end", "type")
_RELATION_KEYS = ("subject", "object", "type")


def parse_sentence(obj: Any, path: str | Path, line: int, *, gold: bool = True) -> Sentence:
    """The sentence that a decoded JSON value describes.

    Args:
      obj: what json.loads returned.
      path, line: where it stands, for error messages.
      gold: whether the annotation must be there. Without it, as for text to predict on, `id`, `entities` and
        `relations` may be absent; the id is then the line number.

    Raises:
      InputError: for the first thing wrong.
    """
    fail = partial(InputError, path, line)
    check_keys(obj, _KEYS if gold else ("tokens",), _KEYS, "a sentence", fail)
    tokens = _parse_tokens(obj["tokens"], fail)
    entities = _parse_entities(obj.get("entities", []), len(tokens), fail)
    relations = _parse_relations(obj.get("relations", []), len(entities), fail)
    return Sentence(_name(obj.get("id", str(line)), "id", fail), tokens, entities, relations)


def _parse_tokens(value: Any, fail: Fail) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise fail(f"tokens that are {show(value)}", "a list of at least one string")
    for position, token in enumerate(value):
        if not isinstance(token, str):
            raise fail(f"token {position} = {show(token)}", "a string")
    if not are_tokens(value):
        position = next(position for position, token in enumerate(value) if not are_tokens([token]))
        raise fail(
            f"token {position} = {show(value[position])}", "a non-empty string without whitespace or NUL"
        )
    return tuple(value)


def _name(value: Any, what: str, fail: Fail) -> str:
    """An id or a type: printable, not empty, no space at either end."""
    if not isinstance(value, str) or not value.isprintable() or not value or value != value.strip():
        raise fail(f"{what} = {show(value)}", "a non-empty printable string without spaces around it")
    return value


def _int(value: Any, what: str, low: int, high: int, fail: Fail) -> int:
    """An integer of `low..high`; JSON's true and 1.0 are none."""
    if type(value) is not int or not low <= value <= high:
        raise fail(f"{what} = {show(value)}", f"an integer from {low} to {high}")
    return value


def _list(value: Any, what: str, fail: Fail) -> list[Any]:
    if not isinstance(value, list):
        raise fail(f"{what} that are {show(value)}", "a list")
    return value


def _parse_entities(value: Any, num_tokens: int, fail: Fail) -> tuple[Entity, ...]:
    entities: dict[Entity, None] = {}
    for index, item in enumerate(_list(value, "entities", fail)):
        what = f"entity {index}"
        check_keys(item, _ENTITY_KEYS, _ENTITY_KEYS, what, fail)
        start = _int(item["start"], f"{what} start", 0, num_tokens - 1, fail)
        end = _int(item["end"], f"{what} end", start + 1, num_tokens, fail)
        entity = Entity(start, end, _name(item["type"], f"{what} type", fail))
        if entity in entities:
            raise fail(f"{what} the same as an earlier one", "every entity once")
        entities[entity] = None
    return tuple(entities)


def _parse_relations(value: Any, num_entities: int, fail: Fail) -> tuple[Relation, ...]:
    relations: dict[Relation, None] = {}
    for index, item in enumerate(_list(value, "relations", fail)):
        what = f"relation {index}"
        check_keys(item, _RELATION_KEYS, _RELATION_KEYS, what, fail)
        if num_entities < 2:
            raise fail(f"{what} among {num_entities} entities", "at least two entities to relate")
        arguments = [
            _int(item[key], f"{what} {key}", 0, num_entities - 1, fail) for key in _RELATION_KEYS[:2]
        ]
        relation = Relation(arguments[0], arguments[1], _name(item["type"], f"{what} type", fail))
        if relation.subject == relation.object:
            raise fail(f"{what} between entity {relation.subject} and itself", "two different entities")
        if relation in relations:
            raise fail(f"{what} the same as an earlier one", "every relation once")
        relations[relation] = None
    return tuple(relations)


def read_jsonl(path: str | Path, *, gold: bool = True) -> list[Sentence]:
    """All sentences of a canonical file, in order; `gold` as for `parse_sentence`.

    Raises:
      InputError: where a line is malformed, an id comes twice, or there is no sentence at all.
      OSError: when the file cannot be read.
    """
    sentences: list[Sentence] = []
    first_line: dict[str, int] = {}
    for line, text in enumerate(read_lines(path), 1):
        fail = partial(InputError, path, line)
        sentence = parse_sentence(parse_json(text, fail), path, line, gold=gold)
        if sentence.id in first_line:
            raise fail(
                f"id {show(sentence.id)} of line {first_line[sentence.id]} again", "ids that occur once"
            )
        first_line[sentence.id] = line
        sentences.append(sentence)
    if not sentences:
        raise InputError(path, None, "an empty file", "at least one sentence")
    return sentences


def to_json(sentence: Sentence) -> dict[str, Any]:
    """The sentence as the JSON object of the canonical form."""
    return {
        "id": sentence.id,
        "tokens": list(sentence.tokens),
        "entities": [entity._asdict() for entity in sentence.entities],
        "relations": [relation._asdict() for relation in sentence.relations],
    }


def write_jsonl(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes a canonical file, atomically; what `read_jsonl` would refuse is refused here as well."""
    lines = []
    for line, sentence in enumerate(sentences, 1):
        obj = to_json(sentence)
        parse_sentence(obj, path, line)
        lines.append(json.dumps(obj, ensure_ascii=False) + "\n")
    if not lines:
        raise InputError(path, None, "no sentence to write", "at least one sentence")
    write_atomically(path, "".join(lines).encode())


def load_split(data_dir: str | Path, split: str) -> list[Sentence]:
    """The sentences of `data_dir/<split>.jsonl`; the error for a missing one says what is there."""
    directory = Path(data_dir)
    if not directory.is_dir():
        raise InputError(directory, None, "no such directory", "a corpus that a program of data_prep wrote")
    path = directory / f"{split}.jsonl"
    if not path.is_file():
        there = sorted(item.stem for item in directory.glob("*.jsonl"))
        there += sorted(item.name + "/" for item in directory.glob("fold_*") if item.is_dir())
        found = f"no such file, but {', '.join(there)}" if there else "no such file, nor any other split"
        raise InputError(path, None, found, f"the split {split!r}, which data_prep writes (see BUILD.md)")
    return read_jsonl(path)


def load_splits(data_dir: str | Path) -> dict[str, list[Sentence]]:
    """What a training run reads: "train", "dev" and, if there, "test"."""
    names = ["train", "dev", *(["test"] if (Path(data_dir) / "test.jsonl").exists() else [])]
    return {name: load_split(data_dir, name) for name in names}


def type_inventory(sentences: Iterable[Sentence]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The entity types and the relation types that occur, each sorted."""
    entity_types: set[str] = set()
    relation_types: set[str] = set()
    for sentence in sentences:
        entity_types.update(entity.type for entity in sentence.entities)
        relation_types.update(relation.type for relation in sentence.relations)
    return tuple(sorted(entity_types)), tuple(sorted(relation_types))
