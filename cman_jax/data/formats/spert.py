"""The reader of SpERT's JSON (Eberts & Ulges 2020), in which CoNLL04 and the folds of ADE are published.

A file is one array, usually on a single line:

    [{"tokens": [...], "entities": [{"type", "start", "end"}], "relations": [{"type", "head", "tail"}],
      "orig_id": 5178}, ...]

Spans have an exclusive end and may overlap. `head` is the index of the subject among the entities, and `tail`
is the index of the object. Source: github.com/lavis-nlp/spert.
"""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.oddities import Oddity
from cman_jax.errors import InputError
from cman_jax.files import check_keys, describe_bad_json, read_lines, show, unique_keys
from cman_jax.types import Sentence

OVERLAP = "two entities overlap (both kept)"

_KEYS = ("tokens", "entities", "relations", "orig_id")
_RELATION_KEYS = ("type", "head", "tail")
_SPACE = re.compile(r"[ \t\n\r]*")
_decoder = json.JSONDecoder(object_pairs_hook=unique_keys)


def read_spert(path: str | Path) -> tuple[list[Sentence], list[Oddity]]:
    """Returns all sentences of a file, and its overlapping entities as oddities.

    Each item of the array becomes one sentence.

    Raises:
      InputError: the file is malformed. The message names the line and also the sentence, because a file may
        be a single line.
      OSError: the file cannot be read.
    """
    sentences: list[Sentence] = []
    oddities: list[Oddity] = []
    first_number: dict[str, int] = {}
    for number, (line, item) in enumerate(_items(path), 1):
        try:
            sentence = parse_sentence(_canonical(item, path, line), path, line)
        except InputError as error:
            found = f"{error.found} (sentence {number} of the file)"
            raise InputError(path, line, found, error.expected) from None
        if sentence.id in first_number:
            found = f"orig_id {sentence.id} in sentence {number}, as in sentence {first_number[sentence.id]}"
            raise InputError(path, line, found, "every orig_id once")
        first_number[sentence.id] = number
        sentences.append(sentence)
        oddities += _overlaps(sentence, path, line, number)
    if not sentences:
        raise InputError(path, None, "an empty array", "at least one sentence")
    return sentences, oddities


def _items(path: str | Path) -> Iterator[tuple[int, Any]]:
    """Yields each item of the file's array with the line where it begins.

    Items are decoded one by one, so that the place of an error is known.
    """
    text = "\n".join(read_lines(path))
    position = _skip(text, 0)
    line, counted = 1, 0
    if text[position : position + 1] != "[":
        raise InputError(path, 1, show(text[position : position + 60]), "a JSON array of sentences")
    separator, number = "[", 0
    while separator != "]":
        position = _skip(text, position + 1)
        if number == 0 and text[position : position + 1] == "]":
            break
        line, counted, number = line + text.count("\n", counted, position), position, number + 1
        try:
            item, position = _decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            too_deep = isinstance(error, RecursionError)
            fault = "bad JSON (nested too deeply)" if too_deep else describe_bad_json(error)
            found = f"{fault} in sentence {number} of the file"
            raise InputError(path, getattr(error, "lineno", line), found, "a JSON object") from None
        yield line, item
        position = _skip(text, position)
        separator = text[position : position + 1]
        if separator not in (",", "]"):
            line += text.count("\n", counted, position)
            found = f"{show(text[position : position + 60])} after sentence {number}"
            raise InputError(path, line, found, "a comma or the array's end")
    if (rest := _skip(text, position + 1)) != len(text):
        line += text.count("\n", counted, rest)
        raise InputError(path, line, f"{show(text[rest : rest + 60])} after the array", "the end of the file")


def _skip(text: str, position: int) -> int:
    """Returns the first position from `position` on that does not contain JSON whitespace."""
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _canonical(item: Any, path: str | Path, line: int) -> dict[str, Any]:
    """Returns an item with the keys of the canonical format; `parse_sentence` checks the values."""
    fail = partial(InputError, path, line)
    check_keys(item, _KEYS, _KEYS, "a sentence", fail)
    if type(item["orig_id"]) not in (int, str):
        raise fail(f"orig_id {show(item['orig_id'])}", "an integer or a string")
    relations = item["relations"]
    if isinstance(relations, list):
        for index, relation in enumerate(relations):
            what = f"relation {index} of orig_id {show(item['orig_id'])}"
            check_keys(relation, _RELATION_KEYS, _RELATION_KEYS, what, fail)
        relations = [{"subject": r["head"], "object": r["tail"], "type": r["type"]} for r in relations]
    return {
        "id": str(item["orig_id"]),
        "tokens": item["tokens"],
        "entities": item["entities"],
        "relations": relations,
    }


def _overlaps(sentence: Sentence, path: str | Path, line: int, number: int) -> Iterator[Oddity]:
    """Yields an oddity for each pair of overlapping entities."""
    for second, b in enumerate(sentence.entities):
        for first, a in enumerate(sentence.entities[:second]):
            if a.start < b.end and b.start < a.end:
                detail = f"sentence {number} (orig_id {sentence.id}), entities {first} and {second}"
                yield Oddity(str(path), line, OVERLAP, detail)
