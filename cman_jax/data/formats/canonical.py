"""The reader of the canonical format for annotations of other people, which leaves out what says nothing.

`cman_jax.data.corpus` describes the format, and reads the files that this library wrote without repairs.
"""

from pathlib import Path
from typing import Any

from cman_jax.data.corpus import read_jsonl
from cman_jax.data.formats.oddities import ENTITY_TWICE, Oddity, Reading, oddity_of_link
from cman_jax.files import show


def read_canonical(path: str | Path) -> Reading:
    """Returns all sentences of a file, each of which is a document.

    Raises:
      InputError: a line is malformed, an id occurs twice, or the file contains no sentence.
      OSError: the file cannot be read.
    """
    oddities: list[Oddity] = []

    def prepare(value: Any, line: int) -> Any:
        value, found = repaired(value, path, line)
        oddities.extend(found)
        return value

    sentences = read_jsonl(path, prepare=prepare)
    return Reading(sentences, oddities, [sentence.id for sentence in sentences])


def repaired(value: Any, path: str | Path, number: int) -> tuple[Any, list[Oddity]]:
    """Returns a sentence's JSON value without what `without_oddities` leaves out, and an oddity for each.

    Args:
      value: the value.
      path: the file or dataset that it is from.
      number: the number of its line or sentence, from 1 on.
    """
    value, repeats = without_oddities(value)
    return value, [
        Oddity(str(path), number, kind, f"sentence {show(value.get('id'))}, {what}") for kind, what in repeats
    ]


def without_oddities(value: Any) -> tuple[Any, list[tuple[str, str]]]:
    """Returns a sentence's JSON value without repeated entities and relations, and (kind, words) of each.

    Relations between an entity and itself, or its repetition, are left out too.

    A value that is not well-formed is returned as it is; `parse_sentence` names its fault.
    """
    try:
        entities, relations = value["entities"], value["relations"]
        spans = [(e["start"], e["end"], e["type"]) for e in entities]
        number = {span: i for i, span in enumerate(dict.fromkeys(spans))}
        links = [(number[spans[r["subject"]]], number[spans[r["object"]]], r["type"]) for r in relations]
        faulty = any(not 0 <= r[key] < len(spans) for r in relations for key in ("subject", "object"))
        repeated = len(number) < len(spans) or len(set(links)) < len(links)
        to_self = any(subject == object_ for subject, object_, _ in links)
    except (IndexError, KeyError, TypeError):
        return value, []
    if faulty or not (repeated or to_self):
        return value, []
    repeats = [(ENTITY_TWICE, f"entity {i}") for i, span in enumerate(spans) if span in spans[:i]]
    for i, link in enumerate(links):
        if kind := oddity_of_link(link, links[:i]):
            repeats.append((kind, f"relation {i}"))
    kept = [entities[spans.index(span)] for span in number]
    renumbered = [
        {**relations[links.index(link)], "subject": link[0], "object": link[1]}
        for link in dict.fromkeys(links)
        if link[0] != link[1]
    ]
    return {**value, "entities": kept, "relations": renumbered}, repeats
