"""Tests that batching and padding change nothing for a third of CoNLL04's dev split, in the paper's sizes.

The tests use few shapes, because each shape is compiled. The longest sentence has 114 tokens, and gets more
padding in a batch of its own.
"""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from cman_jax.config import DataConfig, ModelConfig
from cman_jax.data.batching import Example, collate, encode, plan_batches
from cman_jax.model.cman import CMAN
from cman_jax.types import Batch, Potentials
from data_prep.conll04 import read_split
from tests.builders import quick_compilation, vocabs_of

BUCKETS = (32, 64, 120)


class Network:
    """The paper's network with initial parameters, and the examples to score."""

    def __init__(self, examples: Sequence[Example], model: CMAN) -> None:
        self.examples, self.sizes, self.config = examples, model.sizes, DataConfig()
        small = self.collate([], 1, 1)
        with quick_compilation():
            init = jax.jit(functools.partial(model.init, train=False))
            self.params = init(jax.random.key(0), small, small.tags)
        # Parameters are an argument, because the compiler would spend time on computing with constants.
        self.run = jax.jit(lambda params, batch: model.apply(params, batch, batch.tags, train=False))

    def collate(self, indices: Sequence[int], length: int, batch_size: int) -> Batch:
        """Returns a batch of examples."""
        members = [self.examples[i] for i in indices]
        return collate(members, length, self.config, batch_size, self.sizes)

    def potentials(self, batch_size: int, lengths: tuple[int, ...], longer: int = 0) -> dict[int, Any]:
        """Returns the scores of each example at its real tokens.

        Args:
          batch_size: examples per batch.
          lengths: bucket lengths.
          longer: number of buckets that an example is moved up.
        """
        result = {}
        config = dataclasses.replace(self.config, bucket_lengths=lengths)
        for plan in plan_batches([len(e.word_ids) for e in self.examples], config, batch_size):
            length = lengths[min(lengths.index(plan.length) + longer, len(lengths) - 1)]
            batch = self.collate(plan.indices, length, batch_size)
            scores = jax.device_get(self.run(self.params, batch))
            for row, index in enumerate(plan.indices):
                result[index] = cut(scores, row, len(self.examples[index].word_ids))
        return result


def cut(potentials: Potentials, row: int, n: int) -> tuple[Any, ...]:
    """Returns the scores of one sentence of n tokens."""
    tagging, relation_logits = potentials
    return tagging.initial[row], tagging.pairwise[row, 1:n], relation_logits[row, :n, :n]


@pytest.fixture(autouse=True)
def compilation() -> None:
    """Replaces quick compilation, because these tests compute more than they compile."""


@pytest.fixture(scope="module")
def dev(shared_data: Path) -> Network:
    """Returns a network for every third sentence of the dev split by length, the longest among them."""
    whole = read_split(shared_data / "conll04" / "bekoulis", "bekoulis", "dev").sentences
    sentences = sorted(whole, key=lambda sentence: len(sentence.tokens))[::-3]
    vocabs = vocabs_of(sentences)
    return Network([encode(sentence, vocabs) for sentence in sentences], CMAN(ModelConfig(), vocabs.sizes))


def test_a_dev_sentence_has_the_same_scores_alone_in_a_batch_and_in_the_next_bucket(dev: Network) -> None:
    in_batch = dev.potentials(16, BUCKETS)
    assert sorted(in_batch) == list(range(81))
    alone = dev.potentials(1, (64, 128))
    in_next_bucket = dev.potentials(16, BUCKETS, longer=1)
    for index, expected in in_batch.items():
        for other in (alone[index], in_next_bucket[index]):
            jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5), other, expected)
