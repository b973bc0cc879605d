"""The reader of SpERT's JSON (Eberts & Ulges 2020), in which CoNLL04 and the folds of ADE are published.

A file is one array, usually on a single line:

    [{"tokens": [...], "entities": [{"type", "start", "end"}], "relations": [{"type", "head", "tail"}],
      "orig_id": 5178}, ...]

Spans have an exclusive end and may overlap. `head` is the index of the subject among the entities, and `tail`
is the index of the object. `orig_id` may be absent, and other keys are not read. Sentences with the same
`orig_id` are one document. Source: github.com/lavis-nlp/spert.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.data.corpus import parse_sentence
from cman_jax.data.formats.canonical import without_oddities
from cman_jax.data.formats.json_items import json_items, write_json_items
from cman_jax.data.formats.oddities import Oddity, Reading
from cman_jax.data.overlap import overlaps
from cman_jax.errors import InputError
from cman_jax.files import check_keys, show
from cman_jax.types import Sentence

OVERLAP = "two entities overlap (both kept)"
SAME_ID = "an orig_id of several sentences (the later ones are numbered)"
UNREAD = "a key without tokens, entities or relations (not read)"

_KEYS = ("tokens", "entities", "relations")
_RELATION_KEYS = ("type", "head", "tail")
_READ = (*_KEYS, "orig_id")


def read_spert(path: str | Path) -> Reading:
    """Returns all sentences of a file; overlapping entities and repairs are among the oddities.

    Each item of the array becomes one sentence. A sentence without an `orig_id` has its number as its id.

    Raises:
      InputError: the file is malformed. The message names the line and also the sentence, because a file may
        be a single line.
      OSError: the file cannot be read.
    """
    reading = Reading([], [], [])
    times: Counter[str] = Counter()
    for number, line, item in json_items(path):
        where = partial(Oddity, str(path), line)
        try:
            value = _canonical(item, path, line, number)
            document, detail = value["id"], f"sentence {number} (orig_id {value['id']})"
            times[document] += 1
            if times[document] > 1:
                value["id"] = f"{document}.{times[document]}"
                reading.oddities.append(where(SAME_ID, detail))
            value, repeats = without_oddities(value)
            sentence = parse_sentence(value, path, line)
        except InputError as error:
            found = f"{error.found} (sentence {number} of the file)"
            raise InputError(path, line, found, error.expected) from None
        reading.sentences.append(sentence)
        reading.documents.append(document)
        reading.oddities.extend(where(kind, f"{detail}, {what}") for kind, what in repeats)
        reading.oddities.extend(where(OVERLAP, f"{detail}, {pair}") for pair in _overlaps(sentence))
        reading.oddities.extend(where(UNREAD, f"{detail}, {show(key)}") for key in item if key not in _READ)
    _refuse_repeated_ids(reading, path)
    if not reading.sentences:
        raise InputError(path, None, "an empty array", "at least one sentence")
    return reading


def _refuse_repeated_ids(reading: Reading, path: str | Path) -> None:
    """Raises an InputError if a numbered id is that of another sentence too."""
    repeated = [name for name, count in Counter(s.id for s in reading.sentences).items() if count > 1]
    if repeated:
        found = f"orig_id {show(repeated[0])} beside a sentence that is numbered so"
        raise InputError(path, None, found, "an orig_id without a number at its end")


def _canonical(item: Any, path: str | Path, line: int, number: int) -> dict[str, Any]:
    """Returns an item with the keys of the canonical format; `parse_sentence` checks the values."""
    fail = partial(InputError, path, line)
    check_keys(item, _KEYS, None, "a sentence", fail)
    name = item.get("orig_id", number)
    if type(name) not in (int, str):
        raise fail(f"orig_id {show(name)}", "an integer or a string")
    relations = item["relations"]
    if isinstance(relations, list):
        for index, relation in enumerate(relations):
            what = f"relation {index} of orig_id {show(name)}"
            check_keys(relation, _RELATION_KEYS, _RELATION_KEYS, what, fail)
        relations = [{"subject": r["head"], "object": r["tail"], "type": r["type"]} for r in relations]
    return {
        "id": str(name),
        "tokens": item["tokens"],
        "entities": item["entities"],
        "relations": relations,
    }


def _overlaps(sentence: Sentence) -> Iterator[str]:
    """Yields the numbers of each pair of overlapping entities, in words."""
    for second, b in enumerate(sentence.entities):
        for first, a in enumerate(sentence.entities[:second]):
            if overlaps(a, b):
                yield f"entities {first} and {second}"


def write_spert(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes all sentences as one array, one item a line."""
    items = [
        {
            "tokens": list(sentence.tokens),
            "entities": [{"type": e.type, "start": e.start, "end": e.end} for e in sentence.entities],
            "relations": [{"type": r.type, "head": r.subject, "tail": r.object} for r in sentence.relations],
            "orig_id": sentence.id,
        }
        for sentence in sentences
    ]
    write_json_items(path, items)
