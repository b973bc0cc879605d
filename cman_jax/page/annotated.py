"""The sentences that pages show, read from records in the form of `cman_jax.inference.record.Record`."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import show


class Mention(NamedTuple):
    """An entity in a text.

    Attributes:
      start: index of the first character.
      end: index after the last character.
      type: the entity type.
      probability: 0 to 1; None: unknown, as for gold.
      outcome: how the mention compares with the other side, one of `outcomes.OUTCOMES`; "": not compared.
    """

    start: int
    end: int
    type: str
    probability: float | None = None
    outcome: str = ""


class Link(NamedTuple):
    """A relation between two mentions.

    Attributes:
      subject: index of the subject among the mentions.
      object: index of the object among the mentions.
      type: the relation type.
      probability: 0 to 1; None: unknown, as for gold.
      outcome: as for `Mention`.
    """

    subject: int
    object: int
    type: str
    probability: float | None = None
    outcome: str = ""


class Annotated(NamedTuple):
    """A text with its mentions and links.

    Attributes:
      id: the name of the text.
      text: the text, with visible characters only.
      mentions: the entities.
      links: the relations, whose arguments index `mentions`.
    """

    id: str
    text: str
    mentions: tuple[Mention, ...]
    links: tuple[Link, ...]


def read_record(record: Mapping[str, Any], number: int) -> Annotated:
    """Returns a record as a page shows it.

    Args:
      record: a mapping with `text`, `entities` and `relations`, and optionally `id`. An entity has `type`,
        `start_char` and `end_char`, a relation has `type`, `subject` and `object`. Both optionally have a
        `probability`. Further keys are ignored.
      number: the record's number, from 1 on, for error messages and as the id of a record without an id.

    Raises:
      InputError: the record has another form.
    """
    place = f"record {number}"
    name, text = str(_value(record, "id", (str, int), place, str(number))), _value(record, "text", str, place)
    entities, relations = (_value(record, key, Sequence, place) for key in ("entities", "relations"))
    mentions = tuple(_mention(e, f"{place}, entity {i}", len(text)) for i, e in enumerate(entities))
    links = tuple(_link(r, f"{place}, relation {i}", len(mentions)) for i, r in enumerate(relations))
    return Annotated(visible(name), visible(text), mentions, links)


def visible(text: str) -> str:
    """Returns a text of the same length in which every character can be displayed.

    Line ends, tabs and separators become spaces, other control characters their pictures, such as "␀", and
    halves of surrogate pairs the replacement character.
    """
    return text if text.isprintable() else "".join(map(_displayed, text))


def _displayed(char: str) -> str:
    """Returns the character that stands for a character on a page."""
    if char in "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029":
        return " "
    category = unicodedata.category(char)
    if category == "Cc":
        return chr(0x2400 + ord(char)) if ord(char) < 32 else "\u2421" if char == "\x7f" else "\ufffd"
    return "\ufffd" if category == "Cs" else char


def _mention(entity: Any, place: str, length: int) -> Mention:
    """Returns an entity of a record, checked."""
    start, end = (_value(entity, key, int, place) for key in ("start_char", "end_char"))
    if not 0 <= start < end <= length:
        expected = f"0 <= start_char < end_char <= {length}, the length of the text"
        raise InputError(place, None, f"start_char {start} and end_char {end}", expected)
    return Mention(start, end, visible(_value(entity, "type", str, place)), _probability(entity, place))


def _link(relation: Any, place: str, count: int) -> Link:
    """Returns a relation of a record, checked."""
    subject, object_ = (_value(relation, key, int, place) for key in ("subject", "object"))
    for key, index in (("subject", subject), ("object", object_)):
        if not 0 <= index < count:
            raise InputError(place, None, f"{key} {index}", f"the index of one of {count} entities")
    kind = visible(_value(relation, "type", str, place))
    return Link(subject, object_, kind, _probability(relation, place))


def _probability(fact: Mapping[str, Any], place: str) -> float | None:
    """Returns the probability of an entity or a relation, or None if it has none."""
    value = fact.get("probability")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise InputError(place, None, f"the probability {show(value)}", "a number from 0 to 1")
    return float(value)


def _value(
    mapping: Any, key: str, kind: type | tuple[type, ...], place: str, default: str | None = None
) -> Any:
    """Returns the value of a key, checked for its type."""
    if not isinstance(mapping, Mapping):
        raise InputError(place, None, show(mapping), "a mapping")
    if key not in mapping:
        if default is not None:
            return default
        raise InputError(place, None, f"no {key!r}", f"a mapping with {key!r}")
    value = mapping[key]
    wrong = isinstance(value, bool) or (kind is Sequence and isinstance(value, str | bytes))
    if wrong or not isinstance(value, kind):
        names = [k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,))]
        raise InputError(place, None, f"{key} {show(value)}", f"a value of the type {' or '.join(names)}")
    return value
