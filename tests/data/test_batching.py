"""Tests that plans are partitions into few shapes, and that a batch contains all of its sentences."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cman_jax.config import Config, DataConfig
from cman_jax.data.batching import (
    Example,
    Plan,
    collate,
    encode,
    plan_batches,
)
from cman_jax.data.vocab import UNKNOWN_CHAR, Vocabs
from cman_jax.types import Batch, Entity, Relation, Sentence
from data_prep.conll04 import read_split
from tests.builders import SENTENCES, SMALL_DATA, batch_of, vocabs_of
from tests.data.said import VOCABS, assert_contains_sentences, spelling_at

# Plans


@given(
    st.lists(st.integers(0, 50), max_size=40),
    st.integers(1, 7),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
)
def test_plans_are_a_partition_into_batches_that_fit(
    lengths: list[int], batch_size: int, seed: int | None
) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    plans = plan_batches(lengths, SMALL_DATA, batch_size, rng)
    assert sorted(i for plan in plans for i in plan.indices) == list(range(len(lengths)))
    assert all(1 <= len(plan.indices) <= batch_size for plan in plans)
    assert sum(len(plan.indices) < batch_size for plan in plans) <= 1
    for plan in plans:
        longest = max(lengths[i] for i in plan.indices)
        assert plan.length == next(n for n in (8, 16, 32, 64) if longest <= n)


def plans_by_loops(lengths: list[int], batch_size: int, rng: np.random.Generator) -> list[Plan]:
    """Plans by the definition: a bucket's examples wait in random order until a batch is full."""
    order, plans, waiting = rng.permutation(len(lengths)), [], []
    for low, high in ((-1, 8), (8, 16), (16, 32), (32, 64)):
        waiting += [int(i) for i in order if low < lengths[i] <= high]
        while len(waiting) >= batch_size:
            plans.append(Plan(tuple(waiting[:batch_size]), high))
            waiting = waiting[batch_size:]
    if waiting:
        longest = max(lengths[i] for i in waiting)
        plans.append(Plan(tuple(waiting), next(high for high in (8, 16, 32, 64) if longest <= high)))
    return plans


@given(st.lists(st.integers(0, 64), max_size=60), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_plans_are_those_of_the_definition(lengths: list[int], batch_size: int, seed: int) -> None:
    found = plan_batches(lengths, SMALL_DATA, batch_size, np.random.default_rng(seed))
    assert found == plans_by_loops(lengths, batch_size, np.random.default_rng(seed))
    assert found == plan_batches(
        np.array(lengths, np.int32), SMALL_DATA, batch_size, np.random.default_rng(seed)
    )


def test_plans_without_a_generator_have_rising_lengths() -> None:
    lengths = [9, 3, 16, 1, 2, 17, 8]
    assert plan_batches(lengths, SMALL_DATA, 2) == [
        Plan((3, 4), 8),
        Plan((1, 6), 8),
        Plan((0, 2), 16),
        Plan((5,), 32),
    ]


def test_examples_that_do_not_fill_a_batch_join_the_next_bucket() -> None:
    assert plan_batches([1, 2, 3, 12], SMALL_DATA, 2) == [Plan((0, 1), 8), Plan((2, 3), 16)]


def test_a_seed_fixes_the_plans_and_another_seed_changes_only_their_members() -> None:
    lengths = list(range(1, 17)) * 3
    first, again, other = (
        plan_batches(lengths, SMALL_DATA, 4, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    members = [{frozenset(plan.indices) for plan in plans} for plans in (first, other)]
    assert members[0] != members[1]
    assert [plan.length for plan in first] == [plan.length for plan in other]


# Encoding


def test_an_example_contains_ids_and_the_last_tokens_of_arguments() -> None:
    example = encode(SENTENCES[2], VOCABS)
    assert [VOCABS.words[i - 1] for i in example.word_ids] == list(SENTENCES[2].tokens)
    assert [VOCABS.tags[i] for i in example.tags] == ["B-Peop", "O", "B-Org", "O", "B-Loc"]
    names = [VOCABS.relation_types[k] for _, _, k in example.relation_cells]
    assert names == ["Work_For", "OrgBased_In", "Live_In"]
    assert example.relation_cells[:, :2].tolist() == [[0, 2], [2, 4], [0, 4]]
    assert encode(SENTENCES[0], VOCABS).relation_cells[0, :2].tolist() == [1, 4]


def test_of_overlapping_entities_the_longest_is_encoded() -> None:
    entities = (Entity(0, 1, "Loc"), Entity(0, 3, "Org"), Entity(4, 5, "Loc"))
    relations = (Relation(0, 2, "Live_In"), Relation(1, 2, "OrgBased_In"))
    example = encode(Sentence("x", ("London",) * 5, entities, relations), VOCABS)
    assert [VOCABS.tags[i] for i in example.tags] == ["B-Org", "I-Org", "I-Org", "O", "B-Loc"]
    assert example.relation_cells.tolist() == [[2, 4, VOCABS.relation_ids["OrgBased_In"]]]


@pytest.mark.parametrize(
    "sentence",
    [
        Sentence("x", ("a", "b"), (Entity(0, 1, "Person"),)),
        Sentence("x", ("a", "b"), (Entity(0, 1, "Loc"), Entity(1, 2, "Loc")), (Relation(0, 1, "Near"),)),
    ],
)
def test_a_type_that_the_vocabularies_lack_is_refused(sentence: Sentence) -> None:
    with pytest.raises(KeyError):
        encode(sentence, VOCABS)


# Batches


def test_a_batch_contains_its_sentences_and_blank_padding() -> None:
    batch = batch_of(batch_size=6)
    assert_contains_sentences(batch, SENTENCES)
    assert batch.mask.shape == (6, 8)
    for blank in (batch.word_ids, batch.tags, batch.char_rows):
        assert not blank[~batch.mask].any()
    outside = batch.relation_cells[4:].reshape(-1, 3)
    assert (outside == [8, 8, VOCABS.sizes.num_relations]).all()


def test_features_are_at_their_tokens_and_padding_is_zero() -> None:
    sizes = VOCABS.sizes._replace(feature_layers=2, feature_width=3)
    random = np.random.default_rng(0)
    features = [(1 + random.random((2, len(s.tokens), 3))).astype(np.float16) for s in SENTENCES]
    examples = [encode(s, VOCABS, each) for s, each in zip(SENTENCES, features, strict=True)]
    batch = collate(examples, 8, SMALL_DATA, 6, sizes)
    assert batch.features.dtype == np.float16
    assert batch.features.shape == (6, 2, 8, 3)
    for b, each in enumerate(features):
        np.testing.assert_allclose(batch.features[b, :, : each.shape[1]], each, rtol=1e-3)
    assert not batch.features.transpose(0, 2, 1, 3)[~batch.mask].any()


def test_a_batch_without_sentences_is_all_padding() -> None:
    batch = batch_of([], batch_size=2)
    assert not batch.mask.any()
    assert not any(table.any() for table in batch.char_ids)


def test_tables_contain_each_distinct_word_once() -> None:
    batch = batch_of([Sentence(str(i), ("London", "of", "London")) for i in range(4)])
    used = [row for table in batch.char_ids for row in table if row.any()]
    assert len(used) == 2
    assert len(set(batch.char_rows[batch.mask].tolist())) == 2


def test_unknown_words_and_characters_have_their_ids() -> None:
    batch = batch_of([Sentence("x", ("Żλ", "London"))])
    assert batch.word_ids[0, 0] == 0
    assert batch.word_ids[0, 1] != 0
    assert spelling_at(batch, 0, 0) == (UNKNOWN_CHAR, UNKNOWN_CHAR)


# The real corpus


@pytest.fixture(scope="module")
def conll04(shared_data: Path) -> list[Sentence]:
    return read_split(shared_data / "conll04" / "bekoulis", "bekoulis", "train")[0]


def shape(batch: Batch) -> tuple[int, ...]:
    """Returns all sizes that a compiled program depends on."""
    return (*batch.mask.shape, batch.relation_cells.shape[1], *(len(table) for table in batch.char_ids))


def test_twenty_epochs_of_conll04_need_at_most_seven_shapes(conll04: list[Sentence]) -> None:
    """Allows more shapes than the five buckets, because words that exceed the tables may add a shape."""
    config, vocabs = Config(), vocabs_of(conll04)
    examples = [encode(sentence, vocabs) for sentence in conll04]
    lengths = [len(example.word_ids) for example in examples]
    shapes = set()
    for epoch in range(20):
        for plan in plan_batches(
            lengths, config.data, config.training.batch_size, np.random.default_rng(epoch)
        ):
            members = [examples[i] for i in plan.indices]
            shapes.add(shape(collate_for(members, plan, config, vocabs)))
    assert len({n for _, n, *_ in shapes}) == len(config.data.bucket_lengths)
    assert len(shapes) <= 7


def collate_for(members: Sequence[Example], plan: Plan, config: Config, vocabs: Vocabs) -> Batch:
    """Returns the batch of a plan, for a corpus with these vocabularies."""
    sizes = vocabs.sizes
    return collate(members, plan.length, config.data, config.training.batch_size, sizes)


def test_a_batch_of_real_sentences_contains_every_character(conll04: list[Sentence]) -> None:
    config, vocabs = DataConfig(), vocabs_of(conll04)
    longest = config.char_lengths[-1]
    for start in range(0, 160, 16):
        sentences = conll04[start : start + 16]
        examples = [encode(sentence, vocabs) for sentence in sentences]
        batch = collate(examples, 128, config, 16, vocabs.sizes)
        for b, sentence in enumerate(sentences):
            for i, token in enumerate(sentence.tokens):
                assert spelling_at(batch, b, i) == vocabs.spelling(token)[:longest]
