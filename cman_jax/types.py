"""The vocabulary of types that the whole library shares.

Dimension key, in annotations and einsum strings alike:

    b sentences    n tokens (subject)    m tokens again (object)    c characters
    d model width  e input width         h heads                    k head width
    f scorer width t tags                r relation types           l feature layers
    v vocabulary   w distinct words      p gold relation cells

Host types hold strings and spans; device types are NamedTuples of arrays, so that they are pytrees.
"""

from typing import NamedTuple


class Entity(NamedTuple):
    """Tokens `start` (inclusive) to `end` (exclusive) form one mention of type `type`."""

    start: int
    end: int
    type: str


class Relation(NamedTuple):
    """A typed, directed relation; `subject` and `object` index the sentence's entities."""

    subject: int
    object: int
    type: str


class Annotation(NamedTuple):
    """What a system says of one sentence; the probabilities are parallel to the two tuples, or empty."""

    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    entity_prob: tuple[float, ...] = ()
    relation_prob: tuple[float, ...] = ()


class Sentence(NamedTuple):
    """A tokenised sentence with its gold annotation (empty where there is none)."""

    id: str
    tokens: tuple[str, ...]
    entities: tuple[Entity, ...] = ()
    relations: tuple[Relation, ...] = ()
