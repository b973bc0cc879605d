"""The reader and the writer of Label Studio's JSON export for text with labels and relations.

    [{"id": 1, "data": {"text": "Jane Roe works for Acme."}, "annotations": [{"result": [
       {"id": "a", "type": "labels", "from_name": "label", "to_name": "text",
        "value": {"start": 0, "end": 8, "text": "Jane Roe", "labels": ["Person"]}}, ...,
       {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["Work_For"]}]}]}]

Offsets count characters, or UTF-16 units as browsers do; the span's own text decides. Source:
labelstud.io/guide/export.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cman_jax.data.formats.json_items import json_items, write_json_items
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
from cman_jax.files import show
from cman_jax.types import Sentence

FURTHER = "a further annotation of a task (the ground truth is read, or else the first that is not cancelled)"
NOT_ANNOTATED = "a task without an annotation (read as a text without entities)"
UNREAD = "a result that is neither a span nor a relation (not read)"
NO_TYPE = "a relation without a label (left out)"

_EXPECTED = 'a task of Label Studio\'s JSON export (not JSON-MIN): an object with "data" and "annotations"'


def read_labelstudio(path: str | Path, layout: Layout = DEFAULT_LAYOUT) -> Reading:
    """Returns the sentences of all tasks of a file.

    Args:
      path: the file.
      layout: how the texts are divided into sentences and tokens.

    Raises:
      InputError: the file is malformed; the message names the line and the task.
      OSError: the file cannot be read.
    """
    reading = Reading([], [], [])
    seen: set[str] = set()
    for number, line, item in json_items(path):
        document = _document(item, Path(path), line, number, reading.oddities)
        if document.id in seen:
            raise Place(Path(path), line, document.id).error("an id again", "ids of tasks that occur once")
        seen.add(document.id)
        add_document(reading, document, layout)
    if not reading.sentences:
        raise InputError(path, None, "no text with a token", "at least one task")
    return reading


def _document(item: Any, path: Path, line: int, number: int, oddities: list[Oddity]) -> AnnotatedText:
    """Returns the document of a task; without an id, the task's number is the id."""
    annotations = item.get("annotations", item.get("completions")) if isinstance(item, dict) else None
    if not isinstance(annotations, list) or not isinstance(item.get("data"), dict):
        raise InputError(path, line, f"{show(item)} (item {number} of the file)", _EXPECTED)
    place = Place(path, line, str(item.get("id", number)))
    results = _chosen_results(annotations, place, oddities)
    spans = [each for each in results if _is_span(each)]
    text = _text(item["data"], place)
    links = []
    for each in results:
        if isinstance(each, dict) and each.get("type") == "relation":
            links += _links(each, place, oddities)
        elif not _is_span(each):
            oddities.append(place.oddity(UNREAD, show(each)))
    entities = [span for each in spans for span in _spans(each, text, place, oddities)]
    keys = {span.key for span in entities} | {str(each.get("id")) for each in spans}
    for link in links:
        for key in (link.subject, link.object):
            if key not in keys:
                raise place.error(f"a relation to {show(key)}", "the id of a span of the task")
    return AnnotatedText(place.document, text, entities, links, path, line)


def _is_span(result: Any) -> bool:
    """Returns whether a result marks a place of the text."""
    return isinstance(result, dict) and "value" in result


def _chosen_results(annotations: list[Any], place: Place, oddities: list[Oddity]) -> list[Any]:
    """Returns the results of the first annotation that is not cancelled; ground truth comes before others."""
    for annotation in annotations:
        if not isinstance(annotation, dict):
            raise place.error(f"an annotation that is {show(annotation)}", "an object")
    usable = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if not usable:
        oddities.append(place.oddity(NOT_ANNOTATED, f"{len(annotations)} cancelled"))
        return []
    usable.sort(key=lambda annotation: not annotation.get("ground_truth"))
    if len(annotations) > 1:
        oddities.append(place.oddity(FURTHER, f"{len(annotations)} annotations"))
    results = usable[0].get("result")
    if not isinstance(results, list):
        raise place.error(f"a result that is {show(results)}", "a list of spans and relations")
    return results


def _text(data: dict[str, Any], place: Place) -> str:
    """Returns the text of a task: the field `text`, or the only field that is a string."""
    strings = {key: value for key, value in data.items() if isinstance(value, str)}
    if "text" in strings:
        return strings["text"]
    if len(strings) != 1:
        found = f"the data fields {', '.join(map(show, data)) or 'of no task'}"
        raise place.error(found, "a field 'text', or one field that is a string")
    return next(iter(strings.values()))


def _spans(result: dict[str, Any], text: str, place: Place, oddities: list[Oddity]) -> Iterator[Span]:
    """Yields one span for each label of a result; only the first one has the result's id as its key."""
    value = result["value"]
    labels = value.get("labels") if isinstance(value, dict) else None
    if labels is None:
        oddities.append(place.oddity(UNREAD, show(result)))
        return
    start, end = value.get("start"), value.get("end")
    if type(start) is not int or type(end) is not int or not isinstance(labels, list):
        expected = "integer offsets and a list of labels, as a project for plain text exports them"
        raise place.error(f"the span {show(value)}", expected)
    start, end = _characters(start, end, value.get("text"), text, place)
    for number, label in enumerate(labels):
        if not isinstance(label, str):
            raise place.error(f"the label {show(label)}", "a string")
        key = str(result.get("id"))
        yield Span(key if number == 0 else f"{key}.{number}", start, end, label, place.line)


def _characters(start: int, end: int, quoted: Any, text: str, place: Place) -> tuple[int, int]:
    """Returns offsets in characters; those of a browser count a character outside the BMP twice."""
    if not isinstance(quoted, str) or text[start:end].split() == quoted.split():
        return start, end
    units = text.encode("utf-16-le", "surrogatepass")
    before, inside = units[: 2 * start], units[2 * start : 2 * end]
    if inside.decode("utf-16-le", "replace").split() == quoted.split():
        first = len(before.decode("utf-16-le", "replace"))
        return first, first + len(inside.decode("utf-16-le"))
    raise place.error(f"the span {start} to {end} with the text {show(quoted)}", show(text[start:end]))


def _links(result: dict[str, Any], place: Place, oddities: list[Oddity]) -> list[Link]:
    """Returns the relations of a result: none without a label, two if it has both directions."""
    subject, object_ = str(result.get("from_id")), str(result.get("to_id"))
    labels, direction = result.get("labels") or [], result.get("direction", "right")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise place.error(f"the relation {show(result)}", "labels that are a list of strings")
    if direction not in ("left", "right", "bi"):
        raise place.error(f"the direction {show(direction)}", "right, left or bi")
    if not labels:
        oddities.append(place.oddity(NO_TYPE, f"from {subject} to {object_}"))
    ways = [] if direction == "left" else [(subject, object_)]
    ways += [] if direction == "right" else [(object_, subject)]
    return [Link(s, o, label, place.line) for label in labels for s, o in ways]


def write_labelstudio(path: str | Path, sentences: Iterable[Sentence]) -> None:
    """Writes each sentence as an annotated task, with the tokens joined by spaces."""
    tasks = []
    for sentence in sentences:
        text, places = text_of(sentence)
        names = {"from_name": "label", "to_name": "text"}
        results: list[dict[str, Any]] = [
            {
                "id": f"T{number}",
                "type": "labels",
                **names,
                "value": {"start": start, "end": end, "text": text[start:end], "labels": [entity.type]},
            }
            for number, ((start, end), entity) in enumerate(zip(places, sentence.entities, strict=True))
        ]
        for relation in sentence.relations:
            ends = {"from_id": f"T{relation.subject}", "to_id": f"T{relation.object}"}
            results.append({"type": "relation", **ends, "direction": "right", "labels": [relation.type]})
        tasks.append({"id": sentence.id, "data": {"text": text}, "annotations": [{"result": results}]})
    write_json_items(path, tasks)
