"""The canonical corpus format, one JSON object per line, with complete checks at reading.

    {"id": "5121", "tokens": ["On", ...], "entities": [{"start": 10, "end": 12, "type": "Org"}, ...],
     "relations": [{"subject": 0, "object": 1, "type": "OrgBased_In"}, ...]}

Spans are token offsets with an exclusive end. A relation's arguments index the sentence's entities. A split
is a UTF-8 file `<split>.jsonl` in the corpus's directory. The sentences that `read_jsonl` returns obey every
rule below, so that no later code checks them again.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import Fail, check_keys, parse_json, read_lines, show, writing_atomically
from cman_jax.types import Entity, Relation, Sentence, are_tokens

_KEYS = ("id", "tokens", "entities", "relations")
_ENTITY_KEYS = ("start", "end", "type")
_RELATION_KEYS = ("subject", "object", "type")


def parse_sentence(obj: Any, path: str | Path, line: int | None, *, gold: bool = True) -> Sentence:
    """Returns the sentence that a decoded JSON value describes.

    Args:
      obj: the result of `json.loads`.
      path: the file of the value, for error messages.
      line: the line of the value, for error messages; None: the value is all that its place holds.
      gold: whether the annotation is required. If not, as for text to predict on, `id`, `entities` and
        `relations` may be absent, and the line number serves as the id.

    Raises:
      InputError: names the first fault.
    """

    fail = partial(_fail, obj, path, line)
    required = _KEYS if gold else ("tokens",)
    check_keys(obj, required, _KEYS, "a sentence", partial(InputError, path, line))
    tokens = _parse_tokens(obj["tokens"], fail)
    entities = _parse_entities(obj.get("entities", []), len(tokens), fail)
    relations = _parse_relations(obj.get("relations", []), len(entities), fail)
    return Sentence(_name(obj.get("id", str(line)), "id", fail), tokens, entities, relations)


def _fail(obj: dict[str, Any], path: str | Path, line: int | None, found: str, expected: str) -> InputError:
    """Returns the error for a fault in a sentence, which it names."""
    name = obj.get("id")
    where = f" in sentence {show(name)}" if _is_name(name) else ""
    return InputError(path, line, f"{found}{where}", expected)


def _parse_tokens(value: Any, fail: Fail) -> tuple[str, ...]:
    """Returns the checked tokens of a sentence."""
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


def _is_name(value: Any) -> bool:
    """Returns whether a value can be an id or a type: a printable string, not empty, without outer spaces."""
    return isinstance(value, str) and value.isprintable() and value != "" and value == value.strip()


def _name(value: Any, what: str, fail: Fail) -> str:
    """Returns a valid id or type unchanged, and raises the error of `fail` for other values."""
    if not _is_name(value):
        raise fail(f"{what} = {show(value)}", "a non-empty printable string without spaces around it")
    return value


def _int(value: Any, what: str, low: int, high: int, fail: Fail) -> int:
    """Returns an integer from `low` to `high` unchanged, and raises otherwise, also for true and 1.0."""
    if type(value) is not int or not low <= value <= high:
        raise fail(f"{what} = {show(value)}", f"an integer from {low} to {high}")
    return value


def _list(value: Any, what: str, fail: Fail) -> list[Any]:
    """Returns a list unchanged, and raises the error of `fail` for other values."""
    if not isinstance(value, list):
        raise fail(f"{what} that are {show(value)}", "a list")
    return value


def _parse_entities(value: Any, num_tokens: int, fail: Fail) -> tuple[Entity, ...]:
    """Returns the checked entities of a sentence with `num_tokens` tokens."""
    entities: dict[Entity, None] = {}
    for index, item in enumerate(_list(value, "entities", fail)):
        what = f"entity {index}"
        check_keys(item, _ENTITY_KEYS, _ENTITY_KEYS, what, fail)
        start = _int(item["start"], f"{what} start", 0, num_tokens - 1, fail)
        end = _int(item["end"], f"{what} end", start + 1, num_tokens, fail)
        entity = Entity(start, end, _name(item["type"], f"{what} type", fail))
        if entity in entities:
            raise fail(f"{what} equal to an earlier entity", "every entity once")
        entities[entity] = None
    return tuple(entities)


def _parse_relations(value: Any, num_entities: int, fail: Fail) -> tuple[Relation, ...]:
    """Returns the checked relations of a sentence with `num_entities` entities."""
    relations: dict[Relation, None] = {}
    for index, item in enumerate(_list(value, "relations", fail)):
        what = f"relation {index}"
        check_keys(item, _RELATION_KEYS, _RELATION_KEYS, what, fail)
        if num_entities < 2:
            raise fail(f"{what} with fewer than two entities", "at least two entities to relate")
        arguments = [
            _int(item[key], f"{what} {key}", 0, num_entities - 1, fail) for key in _RELATION_KEYS[:2]
        ]
        relation = Relation(arguments[0], arguments[1], _name(item["type"], f"{what} type", fail))
        if relation.subject == relation.object:
            raise fail(f"{what} between entity {relation.subject} and itself", "two different entities")
        if relation in relations:
            raise fail(f"{what} equal to an earlier relation", "every relation once")
        relations[relation] = None
    return tuple(relations)


def read_jsonl(
    path: str | Path, *, gold: bool = True, prepare: Callable[[Any, int], Any] = lambda value, line: value
) -> list[Sentence]:
    """Returns all sentences of a canonical file, in order.

    Args:
      path: the file.
      gold: whether every sentence must have an annotation; see `parse_sentence`.
      prepare: is called with each line's JSON value and number, and returns the value that is checked.

    Raises:
      InputError: a line is malformed, an id occurs twice, or the file contains no sentence.
      OSError: the file cannot be read.
    """
    sentences: list[Sentence] = []
    first_line: dict[str, int] = {}
    for line, text in enumerate(read_lines(path), 1):
        fail = partial(InputError, path, line)
        sentence = parse_sentence(prepare(parse_json(text, fail), line), path, line, gold=gold)
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
    """Returns the sentence as a JSON object of the canonical format."""
    return {
        "id": sentence.id,
        "tokens": list(sentence.tokens),
        "entities": [entity._asdict() for entity in sentence.entities],
        "relations": [relation._asdict() for relation in sentence.relations],
    }


def write_jsonl(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes a canonical file, atomically.

    Args:
      path: the file.
      sentences: the sentences, at least one.

    Raises:
      InputError: `read_jsonl` would refuse the file.
    """
    path, line = Path(path), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing_atomically(path) as file:
        for line, sentence in enumerate(sentences, 1):
            obj = to_json(sentence)
            parse_sentence(obj, path, line)
            file.write((json.dumps(obj, ensure_ascii=False) + "\n").encode())
        if not line:
            raise InputError(path, None, "no sentence to write", "at least one sentence")


def load_split(data_dir: str | Path, split: str) -> list[Sentence]:
    """Returns the sentences of `data_dir/<split>.jsonl`.

    Args:
      data_dir: the folder of the corpus.
      split: the name of the split, such as "train".

    Raises:
      InputError: the file is malformed or missing; for a missing file, the message lists the existing splits.
    """
    directory = Path(data_dir)
    if not directory.is_dir():
        raise InputError(
            directory, None, "no such directory", "a corpus: a directory with a file for each split"
        )
    path = directory / f"{split}.jsonl"
    if not path.is_file():
        there = sorted(item.stem for item in directory.glob("*.jsonl"))
        there += sorted(item.name + "/" for item in directory.glob("fold_*") if item.is_dir())
        found = f"no such file, but {', '.join(there)}" if there else "no such file, nor any other split"
        raise InputError(path, None, found, f"the split {split!r}: name a directory that contains it")
    return read_jsonl(path)


def load_splits(data_dir: str | Path) -> dict[str, list[Sentence]]:
    """Returns the splits that a training run reads: "train", "dev" and, if the file exists, "test".

    Raises:
      InputError: a file is malformed, or "train" or "dev" is missing.
    """
    names = ["train", "dev", *(["test"] if (Path(data_dir) / "test.jsonl").exists() else [])]
    return {name: load_split(data_dir, name) for name in names}


def describe_counts(sentences: Sequence[Sentence]) -> str:
    """Describes how many sentences, tokens, entities and relations a split has.

    Args:
      sentences: the sentences of the split.
    """
    counts = dict.fromkeys(("tokens", "entities", "relations"), 0)
    for sentence in sentences:  # once, because they may be on disk
        for kind in counts:
            counts[kind] += len(getattr(sentence, kind))
    return ", ".join([f"{len(sentences)} sentences", *(f"{count} {kind}" for kind, count in counts.items())])
