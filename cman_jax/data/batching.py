"""Sentences as padded batches: the last module that handles strings, and the one that sets compiled shapes.

A compiled program serves one shape, so batches have few shapes. A sentence is padded to one of the bucket
lengths. The tables of distinct words (`char_tables`) have capacities that follow from the bucket and the
batch size, so that length and table sizes vary together.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float16, Int

from cman_jax.config import DataConfig
from cman_jax.data.bio import spans_to_tags
from cman_jax.data.char_tables import (
    Spelling,
    char_tables,
    distinct_spellings,
    length_ranges,
    round_up,
    word_classes,
)
from cman_jax.data.overlap import keep_longest
from cman_jax.data.pieces import pad_pieces
from cman_jax.data.vocab import Vocabs
from cman_jax.types import Batch, PieceRow, Sentence, Sizes

T = TypeVar("T")

Lengths = Sequence[int] | Int[np.ndarray, " s"]
"""The numbers of tokens that examples need."""


class Example(NamedTuple):
    """A sentence whose words, characters, tags and relations are ids.

    Attributes:
      word_ids: the word id of each token.
      tags: the gold tags.
      spellings: the character ids of each token.
      relation_cells: gold (last token of the subject, last token of the object, relation type).
      features: contextual features, optionally still on disk; without contextual features, l = 0.
      pieces: the inputs of an encoder whose upper layers are trained: one, or the windows of a long sentence.
    """

    word_ids: Int[np.ndarray, " n"]
    tags: Int[np.ndarray, " n"]
    spellings: tuple[Spelling, ...]
    relation_cells: Int[np.ndarray, "p 3"]
    features: Float16[np.ndarray, "l n _"]
    pieces: tuple[PieceRow, ...] = ()

    def room(self, config: DataConfig) -> int:
        """Returns the number of tokens that the example must be padded to at least; pieces count too."""
        most = max((len(row.words) for row in self.pieces), default=0)
        return max(len(self.word_ids), math.ceil(most / config.piece_ratio))


class Plan(NamedTuple):
    """The composition of one batch.

    Attributes:
      indices: positions of the examples.
      length: number of tokens that every example is padded to.
    """

    indices: tuple[int, ...]
    length: int


def encode(
    sentence: Sentence,
    vocabs: Vocabs,
    features: Float16[np.ndarray, "l n _"] | None = None,
    pieces: tuple[PieceRow, ...] = (),
) -> Example:
    """Returns a sentence as ids. Of overlapping entities, which BIO cannot express, the longest is kept.

    Args:
      sentence: the sentence, with or without a gold annotation.
      vocabs: the ids of words, characters, tags and relation types.
      features: contextual vectors of the tokens from all frozen layers; None: no contextual features.
      pieces: the inputs of an encoder whose upper layers are trained; empty without such an encoder.

    Raises:
      KeyError: the vocabularies lack an entity type or a relation type.
    """
    if features is None:
        features = np.zeros((0, len(sentence.tokens), 0), np.float16)
    sentence = keep_longest(sentence)
    tags = spans_to_tags(len(sentence.tokens), sentence.entities)
    last = [entity.end - 1 for entity in sentence.entities]
    cells = [(last[r.subject], last[r.object], vocabs.relation_ids[r.type]) for r in sentence.relations]
    return Example(
        word_ids=np.array([vocabs.word_id(token) for token in sentence.tokens], np.int32),
        tags=np.array([vocabs.tag_ids[tag] for tag in tags], np.int32),
        spellings=tuple(vocabs.spelling(token) for token in sentence.tokens),
        relation_cells=np.array(cells, np.int32).reshape(-1, 3),
        features=features,
        pieces=pieces,
    )


def plan_batches(
    lengths: Lengths, config: DataConfig, batch_size: int, rng: np.random.Generator | None = None
) -> list[Plan]:
    """Divides examples into batches of one padded length each; every example is in exactly one batch.

    Args:
      lengths: number of tokens that each example needs, its `room`.
      config: contains the bucket lengths. Longer sentences get buckets of twice, four times, ... the last
        one.
      batch_size: examples per batch. The examples that do not fill a batch of their bucket join the next
        longer bucket, so at most one batch is smaller.
      rng: shuffles the examples; None: examples are taken by rising length.

    Returns:
      The plans by rising length. The number of plans of each length does not depend on `rng`.
    """
    lengths = np.asarray(lengths, np.int64)
    order = np.argsort(lengths, kind="stable") if rng is None else rng.permutation(len(lengths))
    ordered = lengths[order]
    plans, waiting = [], order[:0]
    buckets = length_ranges(config.bucket_lengths, int(max(lengths, default=0)))
    for low, high in buckets:
        waiting = np.concatenate([waiting, order[(low < ordered) & (ordered <= high)]])
        full = len(waiting) - len(waiting) % batch_size
        plans += [Plan(tuple(row), high) for row in waiting[:full].reshape(-1, batch_size).tolist()]
        waiting = waiting[full:]
    if len(waiting):
        longest = lengths[waiting].max()
        plans.append(Plan(tuple(waiting.tolist()), next(high for _, high in buckets if longest <= high)))
    return plans


def first_of_each(items: Iterable[T], shape: Callable[[T], Hashable]) -> list[T]:
    """Returns the first item of each shape, in the order of the items.

    The result shows which programs are needed, and in which order.

    Args:
      items: the items in the order of their use, such as plans.
      shape: returns the shape of an item.
    """
    firsts: dict[Hashable, T] = {}
    for item in items:
        firsts.setdefault(shape(item), item)
    return list(firsts.values())


def collate(
    examples: Sequence[Example], length: int, config: DataConfig, batch_size: int, sizes: Sizes
) -> Batch:
    """Pads examples into one batch, as `collate_alike` does with one group."""
    (batch,) = collate_alike([examples], length, config, batch_size, sizes)
    return batch


def collate_alike(
    groups: Sequence[Sequence[Example]],
    length: int,
    config: DataConfig,
    batch_size: int,
    sizes: Sizes,
    own: Sequence[int] | None = None,
) -> list[Batch]:
    """Pads each group of examples into a batch. All batches get the same shape, so that they can be stacked.

    Args:
      groups: the examples of each batch, at most `batch_size`; the rest becomes sentences without tokens.
      length: n, the number of tokens after padding.
      config: contains the word length classes and their capacities.
      batch_size: b, the number of sentences after padding.
      sizes: contains the number of relation types, which marks padding among the relation cells, and the
        shapes of features and pieces.
      own: positions of the groups whose batches are returned, because others build the rest; None: of all.
    """
    own = range(len(groups)) if own is None else own
    distinct = [distinct_spellings(example.spellings for example in examples) for examples in groups]
    classes = word_classes(distinct, config, batch_size * length)
    most_cells = max((len(example.relation_cells) for examples in groups for example in examples), default=0)
    shape = (batch_size, length, round_up(most_cells, 16))
    batches = [_pad(groups[k], shape, sizes, char_tables(distinct[k], classes)) for k in own]
    if not sizes.longest_input:
        return batches
    rows = [[example.pieces for example in examples] for examples in groups]
    pieces = pad_pieces(rows, shape[:2], config, sizes, own)
    return [batch._replace(pieces=each) for batch, each in zip(batches, pieces, strict=True)]


def _pad(
    examples: Sequence[Example],
    shape: tuple[int, int, int],
    sizes: Sizes,
    spelled: tuple[tuple[Int[np.ndarray, "_ _"], ...], dict[Spelling, int]],
) -> Batch:
    """Returns one padded batch.

    Args:
      examples: the sentences of the batch.
      shape: (b, n, p).
      sizes: see `collate_alike`.
      spelled: the result of `char_tables`.
    """
    batch_size, length, num_cells = shape
    char_ids, row_of = spelled
    blank = np.zeros((batch_size, length), np.int32)
    word_ids, tags, rows, mask = blank, blank.copy(), blank.copy(), blank.astype(bool)
    no_cell = np.int32([length, length, sizes.num_relations])
    cells = np.tile(no_cell, (batch_size, num_cells, 1))
    features = np.zeros((batch_size, sizes.feature_layers, length, sizes.feature_width), np.float16)
    for i, example in enumerate(examples):
        n = len(example.word_ids)
        word_ids[i, :n], tags[i, :n], mask[i, :n] = example.word_ids, example.tags, True
        rows[i, :n] = [row_of[spelling] for spelling in example.spellings]
        cells[i, : len(example.relation_cells)] = example.relation_cells
        features[i, :, :n] = example.features
    return Batch(word_ids, mask, tags, char_ids, rows, cells, features)
