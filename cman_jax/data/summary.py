"""The summary of a split, computed in one pass: all that a run needs to know of its sentences as a whole."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32

from cman_jax.data.corpus import to_json
from cman_jax.data.overlap import has_overlap, keep_longest
from cman_jax.files import json_text
from cman_jax.types import Sentence


class Summary(NamedTuple):
    """The result of one pass over the sentences of a split.

    Attributes:
      lengths: the number of tokens of each sentence.
      tokens: how often each token occurs.
      entity_types: the number of gold entities of each type.
      relation_types: the number of gold relations of each type.
      kept_entity_types: as `entity_types`, without entities that overlap a longer one.
      kept_relation_types: as `relation_types`, without the relations of such entities.
      arguments: the pairs of entity types (of the subject, of the object) that each relation type connects.
      digest: the SHA-256 of the sentences' contents, whatever their file looks like.
    """

    lengths: Int32[np.ndarray, " s"]
    tokens: Counter[str]
    entity_types: Counter[str]
    relation_types: Counter[str]
    kept_entity_types: Counter[str]
    kept_relation_types: Counter[str]
    arguments: Mapping[str, frozenset[tuple[str, str]]]
    digest: str


Summaries = Mapping[str, Summary]
"""The summary of each split, by name."""


def summarise(sentences: Iterable[Sentence]) -> Summary:
    """Returns the summary of sentences, each of which is needed only once."""
    digest, lengths, arguments = _Digest(), array("i"), {}
    tokens, entities, relations, kept_entities, kept_relations = (Counter() for _ in range(5))
    for sentence in sentences:
        digest.add(sentence)
        lengths.append(len(sentence.tokens))
        tokens.update(sentence.tokens)
        entities.update(entity.type for entity in sentence.entities)
        relations.update(relation.type for relation in sentence.relations)
        kept = keep_longest(sentence) if has_overlap(sentence) else sentence
        kept_entities.update(entity.type for entity in kept.entities)
        kept_relations.update(relation.type for relation in kept.relations)
        for subject, object_, name in sentence.relations:
            pair = sentence.entities[subject].type, sentence.entities[object_].type
            arguments.setdefault(name, set()).add(pair)
    return Summary(
        np.array(lengths, np.int32),
        tokens,
        entities,
        relations,
        kept_entities,
        kept_relations,
        {name: frozenset(pairs) for name, pairs in sorted(arguments.items())},
        digest.hexdigest(),
    )


def digest_of(sentences: Iterable[Sentence]) -> str:
    """Returns the SHA-256 of the sentences' contents, whatever their file looks like."""
    digest = _Digest()
    for sentence in sentences:
        digest.add(sentence)
    return digest.hexdigest()


class _Digest:
    """The SHA-256 of sentences that are added one by one."""

    def __init__(self) -> None:
        self._sha256, self._separator = hashlib.sha256(), ""

    def add(self, sentence: Sentence) -> None:
        """Appends a sentence."""
        self._sha256.update((self._separator + json_text(to_json(sentence))).encode())
        self._separator = "\n"

    def hexdigest(self) -> str:
        """Returns the digest of the sentences so far, in hexadecimal digits."""
        return self._sha256.hexdigest()
