"""The conversion of entity spans to BIO tags, and back.

`B-X` begins a mention of type X, `I-X` continues the mention, and `O` is outside of mentions. The scheme
cannot express overlapping spans (see overlap.py).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from cman_jax.types import Entity


def tag_names(entity_types: Sequence[str]) -> tuple[str, ...]:
    """Returns all tags ("O", "B-X", "I-X", "B-Y", ...), in the order of the entity types."""
    return ("O", *(f"{prefix}-{entity_type}" for entity_type in entity_types for prefix in "BI"))


def split_tag(tag: str) -> tuple[str, str]:
    """Returns the prefix ("B", "I" or "O") and the entity type ("" for O) of a tag.

    Raises:
      ValueError: the string is not a BIO tag.
    """
    if tag == "O":
        return "O", ""
    prefix, separator, entity_type = tag.partition("-")
    if prefix not in ("B", "I") or not separator or not entity_type:
        raise ValueError(f"found tag {tag!r}, expected O, B-<type> or I-<type>")
    return prefix, entity_type


def spans_to_tags(num_tokens: int, entities: Sequence[Entity]) -> list[str]:
    """Returns one tag per token.

    Args:
      num_tokens: length of the sentence.
      entities: the mentions, in any order.

    Raises:
      ValueError: spans overlap, or a span is empty or not within the sentence.
    """
    tags = ["O"] * num_tokens
    for start, end, entity_type in entities:
        if not 0 <= start < end <= num_tokens:
            raise ValueError(f"found span [{start}, {end}), expected one within {num_tokens} tokens")
        if any(tag != "O" for tag in tags[start:end]):
            raise ValueError(f"found span [{start}, {end}) that overlaps another, expected disjoint spans")
        tags[start:end] = [f"B-{entity_type}"] + [f"I-{entity_type}"] * (end - start - 1)
    return tags


def starts_chunk(previous: str, tag: str) -> bool:
    """Returns whether a mention starts at `tag`: at B-X, at I-X after O, and at I-X after another type.

    Args:
      previous: the tag of the token before; "O" at the beginning of a sentence.
      tag: the tag of the token.
    """
    prefix, entity_type = split_tag(tag)
    return prefix == "B" or (prefix == "I" and split_tag(previous)[1] != entity_type)


def tags_to_spans(tags: Sequence[str]) -> tuple[Entity, ...]:
    """Returns the mentions of a tag sequence, from left to right.

    Every tag except O belongs to a mention, even in sequences that are not well-formed.

    Raises:
      ValueError: a string is not a BIO tag.
    """
    entities: list[Entity] = []
    previous = "O"
    for position, tag in enumerate(tags):
        if tag != "O" and starts_chunk(previous, tag):
            entities.append(Entity(position, position + 1, split_tag(tag)[1]))
        elif tag != "O":
            entities[-1] = entities[-1]._replace(end=position + 1)
        previous = tag
    return tuple(entities)


def allowed_transitions(
    tag_names: Sequence[str],
) -> tuple[Bool[np.ndarray, " t"], Bool[np.ndarray, "t t"]]:
    """Returns which tags may begin a sentence, and which tag (column) may follow which tag (row).

    The only rule is that I-X follows B-X or I-X. Decoding with this rule makes every tag sequence
    well-formed.
    """
    parts = [split_tag(tag) for tag in tag_names]
    start_allowed = np.array([prefix != "I" for prefix, _ in parts])
    allowed = np.array(
        [[prefix != "I" or entity_type == before for prefix, entity_type in parts] for _, before in parts]
    )
    return start_allowed, allowed
