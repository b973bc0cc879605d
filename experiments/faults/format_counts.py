"""What a file of annotations contains, counted without the readers of formats, by other means than theirs.

A reader may change the form of an annotation, but every annotation of the file must be in a sentence or among
the oddities. A file that a reader refuses is not counted.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from cman_jax.data.formats import brat, oddities, standoff
from cman_jax.data.formats.oddities import Reading, count_kinds

_LOST = (
    *(oddities.ENTITY_TWICE, oddities.RELATION_TWICE, oddities.SELF, oddities.OUTSIDE),
    *(standoff.BLANK, standoff.SAME, standoff.APART, standoff.LEFT_OUT),
    *(brat.DISCONTINUOUS, brat.EVENT, brat.ATTRIBUTE, brat.EQUIVALENCE),
)
"""The kinds of oddities that stand for an annotation which is in no sentence."""


def found_by_reader(reading: Reading) -> int:
    """Returns the number of entities and relations in the sentences and among the oddities."""
    kept = sum(len(s.entities) + len(s.relations) for s in reading.sentences)
    return kept + sum(count for kind, count in count_kinds(reading.oddities).items() if kind in _LOST)


def count_annotations(form: str, files: Mapping[str, bytes]) -> int:
    """Returns the number of annotations in the files of a corpus.

    Args:
      form: the name of the format.
      files: the content of each file by its name.
    """
    texts = _texts(files)
    if form == "brat":
        return sum(_count_brat(text) for name, text in texts.items() if name.endswith(".ann"))
    return _COUNTS[form](next(iter(texts.values())))


def words(form: str, files: Mapping[str, bytes]) -> list[str]:
    """Returns all tokens of a corpus in the order of its sentences; running text is divided at white space.

    The arguments are those of `count_annotations`.
    """
    texts = _texts(files)
    if form == "brat":
        return [word for name in sorted(texts) if name.endswith(".txt") for word in texts[name].split()]
    return _WORDS[form](next(iter(texts.values())))


def _texts(files: Mapping[str, bytes]) -> dict[str, str]:
    """Returns the text of each file, without a byte order mark."""
    return {name: content.decode().removeprefix("\ufeff") for name, content in files.items()}


def _count_canonical(text: str) -> int:
    """Counts the entities and relations of JSON lines."""
    return sum(len(value["entities"]) + len(value["relations"]) for value in _json_lines(text))


def _count_spert(text: str) -> int:
    """Counts the entities and relations of a JSON array."""
    return sum(len(value["entities"]) + len(value["relations"]) for value in json.loads(text))


def _count_columns(text: str) -> int:
    """Counts the entities, whose begin is B- or a change of type, and the relations of column formats."""
    count, before = 0, "O"
    for line in text.split("\n"):
        cells = line.removesuffix("\r").split("\t")
        tags = [cell for cell in cells if re.fullmatch(r"O|[BIESLU]-\S+", cell)]
        if line.startswith("#") or len(cells) < 2 or not tags:
            before = "O"
            continue
        tag = tags[-1]
        kind = tag.partition("-")[2]
        count += tag[0] in "BSU" or (tag != "O" and kind != before.partition("-")[2])
        count += len(re.findall(r"'[^']+'", cells[-2])) - cells[-2].count("'N'")
        before = tag
    return count


def _count_brat(text: str) -> int:
    """Counts the lines of annotations."""
    return sum(bool(line.strip()) for line in text.split("\n"))


def _count_doccano(text: str) -> int:
    """Counts the items of the lists of either shape."""
    keys = ("entities", "relations", "label", "labels")
    return sum(
        len(value.get(key, []))
        for value in _json_lines(text)
        for key in keys
        if ("entities" in value) == (key in keys[:2])
    )


def _count_labelstudio(text: str) -> int:
    """Counts labels of spans, and relations by label and direction."""
    count = 0
    for task in json.loads(text):
        usable = [a for a in task.get("annotations", task.get("completions")) if not a.get("was_cancelled")]
        usable.sort(key=lambda annotation: not annotation.get("ground_truth"))
        for result in usable[0]["result"] if usable else []:
            count += _count_result(result)
    return count


def _count_result(result: Any) -> int:
    """Counts the annotations of one of Label Studio's results."""
    if not isinstance(result, dict):
        return 0
    if result.get("type") == "relation":
        return len(result.get("labels") or []) * (2 if result.get("direction") == "bi" else 1)
    value = result.get("value")
    return len(value["labels"]) if isinstance(value, dict) and value.get("labels") is not None else 0


def _words_in_json(values: list[Any]) -> list[str]:
    """Returns the tokens of values that list them."""
    return [token for value in values for token in value["tokens"]]


def _words_in_columns(text: str) -> list[str]:
    """Returns the tokens of columns, which are the first column, or the second one behind a number."""
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    rows = [line.removesuffix("\r").split("\t") for line in lines]
    position = 1 if text.startswith("#doc") else 0
    return [[cell for cell in cells if cell][position] for cells in rows if len(cells) > 1]


def _words_of_labelstudio(text: str) -> list[str]:
    """Returns the words of the tasks' texts."""
    data = [task["data"] for task in json.loads(text)]
    texts = [d["text"] if isinstance(d.get("text"), str) else _strings(d)[0] for d in data]
    return [word for each in texts for word in each.split()]


def _strings(data: dict[str, Any]) -> list[str]:
    """Returns the values that are strings."""
    return [value for value in data.values() if isinstance(value, str)]


def _json_lines(text: str) -> list[Any]:
    """Returns the value of each line that is not blank."""
    return [json.loads(line) for line in text.split("\n") if line.strip()]


_COUNTS = {
    "canonical": _count_canonical,
    "spert": _count_spert,
    "bekoulis": _count_columns,
    "conll": _count_columns,
    "doccano": _count_doccano,
    "labelstudio": _count_labelstudio,
}
_WORDS = {
    "canonical": lambda text: _words_in_json(_json_lines(text)),
    "spert": lambda text: _words_in_json(json.loads(text)),
    "bekoulis": _words_in_columns,
    "conll": _words_in_columns,
    "doccano": lambda text: [word for value in _json_lines(text) for word in value["text"].split()],
    "labelstudio": _words_of_labelstudio,
}
