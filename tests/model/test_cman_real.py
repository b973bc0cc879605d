"""Batching and padding change nothing for any sentence of CoNLL04's dev split, in the paper's sizes.

Few shapes, as each is compiled. The longest sentence has 114 tokens; it gets more padding when it is alone.
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
    """The paper's network for some examples, with fresh parameters."""

    def __init__(self, examples: Sequence[Example], model: CMAN) -> None:
        self.examples, self.sizes, self.config = examples, model.sizes, DataConfig()
        small = self.collate([], 1, 1)
        with quick_compilation():
            init = jax.jit(functools.partial(model.init, train=False))
            self.params = init(jax.random.key(0), small, small.tags)
        # Parameters are an argument: from constants the compiler would compute what it can, slowly.
        self.run = jax.jit(lambda params, batch: model.apply(params, batch, batch.tags, train=False))

    def collate(self, indices: Sequence[int], length: int, batch_size: int) -> Batch:
        members = [self.examples[i] for i in indices]
        return collate(members, length, self.config, batch_size, self.sizes)

    def potentials(self, batch_size: int, lengths: tuple[int, ...], longer: int = 0) -> dict[int, Any]:
        """By example, at its real tokens; `longer` is how many buckets beyond its own an example goes to."""
        result = {}
        config = dataclasses.replace(self.config, bucket_lengths=lengths)
        for plan in plan_batches([len(e.word_ids) for e in self.examples], config, batch_size):
            length = lengths[min(lengths.index(plan.length) + longer, len(lengths) - 1)]
            batch = self.collate(plan.indices, length, batch_size)
            said = jax.device_get(self.run(self.params, batch))
            for row, index in enumerate(plan.indices):
                result[index] = cut(said, row, len(self.examples[index].word_ids))
        return result


def cut(potentials: Potentials, row: int, n: int) -> tuple[Any, ...]:
    """What is said of one sentence of n tokens."""
    tagging, relation_logits = potentials
    return tagging.initial[row], tagging.pairwise[row, 1:n], relation_logits[row, :n, :n]


@pytest.fixture(autouse=True)
def compilation() -> None:
    """Here the numbers are worth optimising for."""


@pytest.fixture(scope="module")
def dev(shared_data: Path) -> Network:
    sentences, _ = read_split(shared_data / "conll04" / "bekoulis", "bekoulis", "dev")
    vocabs = vocabs_of(sentences)
    return Network([encode(sentence, vocabs) for sentence in sentences], CMAN(ModelConfig(), vocabs.sizes))


def test_every_dev_sentence_means_the_same_alone_in_a_batch_and_in_the_next_bucket(dev: Network) -> None:
    in_batch = dev.potentials(16, BUCKETS)
    assert sorted(in_batch) == list(range(243))
    alone = dev.potentials(1, (64, 128))
    in_next_bucket = dev.potentials(16, BUCKETS, longer=1)
    for index, expected in in_batch.items():
        for other in (alone[index], in_next_bucket[index]):
            jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5), other, expected)
