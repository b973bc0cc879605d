"""Sentences to padded batches: the last place with strings, and the shapes that get compiled.

A compiled program serves one shape, so batches come in few: a sentence is padded to one of the bucket
lengths, and the tables of distinct words (`char_tables`) have capacities that follow from bucket and batch
size, so length and table sizes vary together.
"""

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
from cman_jax.data.vocab import Vocabs
from cman_jax.types import Batch, Sentence, Sizes

T = TypeVar("T")


class Example(NamedTuple):
    """A sentence in ids."""

    word_ids: Int[np.ndarray, " n"]
    tags: Int[np.ndarray, " n"]
    spellings: tuple[Spelling, ...]  # character ids of each token
    relation_cells: Int[np.ndarray, "p 3"]  # (last token of subject, last token of object, relation type)
    features: Float16[np.ndarray, "l n _"]  # perhaps still on disk; none: l = 0


class Plan(NamedTuple):
    """Which examples make one batch, and the length they are padded to."""

    indices: tuple[int, ...]
    length: int


def encode(
    sentence: Sentence, vocabs: Vocabs, features: Float16[np.ndarray, "l n _"] | None = None
) -> Example:
    """Strings to ids. Of two overlapping entities, which BIO cannot express, the longest stays.

    Args:
      features: all layers' contextual vectors of the tokens; None: no contextual features.

    Raises:
      KeyError: an entity or relation type that the vocabularies lack.
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
    )


def plan_batches(
    lengths: Sequence[int], config: DataConfig, batch_size: int, rng: np.random.Generator | None = None
) -> list[Plan]:
    """Divides examples into batches of one bucket each; every example is in exactly one.

    Args:
      lengths: tokens of each example.
      config: has the bucket lengths; longer sentences get buckets of twice, four times, ... the last.
      batch_size: examples per batch. What a bucket leaves over joins the next longer one, so at most one
        batch is smaller.
      rng: shuffles the members of batches; None: by rising length.

    Returns:
      By rising length; how many there are of each length does not depend on `rng`.
    """
    order = np.argsort(lengths, kind="stable") if rng is None else rng.permutation(len(lengths))
    plans, waiting = [], []
    buckets = length_ranges(config.bucket_lengths, max(lengths, default=0))
    for low, high in buckets:
        waiting += [int(i) for i in order if low < lengths[i] <= high]
        while len(waiting) >= batch_size:
            plans.append(Plan(tuple(waiting[:batch_size]), high))
            waiting = waiting[batch_size:]
    if waiting:
        longest = max(lengths[i] for i in waiting)
        plans.append(Plan(tuple(waiting), next(high for _, high in buckets if longest <= high)))
    return plans


def first_of_each(items: Iterable[T], shape: Callable[[T], Hashable]) -> list[T]:
    """The first one of each shape, in their order: what programs will be needed, and which of them when."""
    firsts: dict[Hashable, T] = {}
    for item in items:
        firsts.setdefault(shape(item), item)
    return list(firsts.values())


def collate(
    examples: Sequence[Example], length: int, config: DataConfig, batch_size: int, sizes: Sizes
) -> Batch:
    """Pads examples into one batch: `collate_alike` of one group."""
    (batch,) = collate_alike([examples], length, config, batch_size, sizes)
    return batch


def collate_alike(
    groups: Sequence[Sequence[Example]], length: int, config: DataConfig, batch_size: int, sizes: Sizes
) -> list[Batch]:
    """Pads each group of examples into a batch; all batches get one shape, and can be stacked.

    Args:
      groups: of at most `batch_size` examples; missing ones become sentences without tokens.
      length: n.
      config: has the word length classes and their capacities.
      batch_size: b.
      sizes: has the number of relations, which marks padding among their cells, and the features' shape.
    """
    distinct = [distinct_spellings(example.spellings for example in examples) for examples in groups]
    classes = word_classes(distinct, config, batch_size * length)
    most_cells = max((len(example.relation_cells) for examples in groups for example in examples), default=0)
    shape = (batch_size, length, round_up(most_cells, 16))
    return [
        _pad(examples, shape, sizes, char_tables(words, classes))
        for examples, words in zip(groups, distinct, strict=True)
    ]


def _pad(
    examples: Sequence[Example],
    shape: tuple[int, int, int],
    sizes: Sizes,
    spelled: tuple[tuple[Int[np.ndarray, "_ _"], ...], dict[Spelling, int]],
) -> Batch:
    """Args: shape: (b, n, p); spelled: what `char_tables` returns."""
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
