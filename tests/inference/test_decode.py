"""Gold annotations survive the way to tensors and back; probabilities are those of the chain."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cman_jax.config import DataConfig, DecodingConfig
from cman_jax.data.batching import collate, encode, plan_batches
from cman_jax.data.formats.spert import read_spert
from cman_jax.data.overlap import keep_longest
from cman_jax.data.summary import summarise
from cman_jax.data.vocab import Vocabs, build_vocabs
from cman_jax.inference.decode import decode, span_probability
from cman_jax.layers.crf import marginals, viterbi
from cman_jax.training.losses import relation_targets
from cman_jax.types import Annotation, Batch, CRFPotentials, Entity, Predictions, Relation, Sentence
from data_prep.conll04 import read_split
from tests.builders import SENTENCES, normal, vocabs_of

VOCABS = vocabs_of(SENTENCES)
relation_tensor = jax.jit(relation_targets, static_argnums=2, static_argnames="null_relation")


def certain(batch: Batch, vocabs: Vocabs) -> Predictions:
    """What a network would predict that is sure of the batch's gold annotation."""
    one_hot = np.eye(vocabs.sizes.num_tags)[batch.tags]
    edges = np.zeros((*batch.tags.shape, vocabs.sizes.num_tags, vocabs.sizes.num_tags))
    edges[:, 1:] = one_hot[:, :-1, :, None] * one_hot[:, 1:, None]
    targets = relation_tensor(
        batch.relation_cells, batch.mask, vocabs.sizes.num_relations, null_relation=vocabs.null_relation
    )
    relation_prob = np.asarray(targets, np.float32)
    return Predictions(batch.tags, relation_prob, one_hot[:, 0], edges)


def decoded_gold(sentences: Sequence[Sentence], vocabs: Vocabs) -> Iterator[tuple[Sentence, Annotation]]:
    examples = [encode(sentence, vocabs) for sentence in sentences]
    config = DataConfig(bucket_lengths=(128,))
    for plan in plan_batches([len(e.tags) for e in examples], config, 64):
        members = [examples[i] for i in plan.indices]
        batch = collate(members, plan.length, config, 64, vocabs.sizes)
        rows = certain(batch, vocabs)
        for row, i in enumerate(plan.indices):
            predictions = Predictions(*(array[row] for array in rows))
            yield sentences[i], decode(predictions, len(sentences[i].tokens), vocabs, DecodingConfig())


def triples(annotation: Annotation | Sentence) -> set[tuple[Entity, Entity, str]]:
    return {
        (annotation.entities[r.subject], annotation.entities[r.object], r.type) for r in annotation.relations
    }


def changed_on_the_way(sentences: Sequence[Sentence]) -> list[str]:
    vocabs = build_vocabs(
        summarise(sentences), (), vector_words=("the",), min_word_count=1, null_relation=True
    )
    pairs = list(decoded_gold(sentences, vocabs))
    assert len(pairs) == len(sentences)
    return [
        gold.id
        for gold, found in pairs
        if set(gold.entities) != set(found.entities)
        or triples(gold) != triples(found)
        or len(found.relations) != len(gold.relations)
        or set(found.entity_prob) - {1.0}
    ]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("split_from", ["bekoulis", "spert"])
def test_all_of_conll04_comes_back_from_tensors(shared_data: Path, split_from: str) -> None:
    splits = [
        read_split(shared_data / "conll04" / split_from, split_from, s)[0] for s in ("train", "dev", "test")
    ]
    sentences = [sentence for split in splits for sentence in split]
    assert len(sentences) == 1441
    assert changed_on_the_way(sentences) == []


@pytest.mark.usefixtures("unchecked")
def test_all_of_ade_comes_back_from_tensors_once_overlaps_are_resolved(shared_data: Path) -> None:
    sentences = read_spert(shared_data / "ade" / "spert_folds" / "ade_full.json").sentences
    assert len(sentences) == 4272
    assert changed_on_the_way([keep_longest(sentence) for sentence in sentences]) == []


def test_relation_needs_its_cell_on_the_anchor() -> None:
    """A cell on the first token of a two-token subject counts for "any" only; the null class never does."""
    sentence = SENTENCES[0]
    batch = collate([encode(sentence, VOCABS)], 8, DataConfig(), 1, VOCABS.sizes)
    predictions = Predictions(*(array[0] for array in certain(batch, VOCABS)))
    moved = np.zeros_like(predictions.relation_prob)
    moved[0, 4, VOCABS.relation_ids["Live_In"]] = 0.75
    moved[1, 4, -1] = 1.0
    predictions = predictions._replace(relation_prob=moved)
    decoding = DecodingConfig()
    n = len(sentence.tokens)
    assert decode(predictions, n, VOCABS, decoding).relations == ()
    found = decode(predictions, n, VOCABS, dataclasses.replace(decoding, anchor="any"))
    assert found.relations == (Relation(0, 1, "Live_In"),)
    assert found.relation_prob == (0.75,)
    strict = dataclasses.replace(decoding, anchor="any", threshold=0.75)
    assert decode(predictions, n, VOCABS, strict).relations == ()


def test_each_relation_type_may_have_its_own_threshold() -> None:
    sentence = SENTENCES[0]
    batch = collate([encode(sentence, VOCABS)], 8, DataConfig(), 1, VOCABS.sizes)
    predictions = Predictions(*(array[0] for array in certain(batch, VOCABS)))
    types = VOCABS.relation_types
    prob = np.zeros_like(predictions.relation_prob)
    prob[1, 4, : len(types)] = np.linspace(0.4, 0.6, len(types))
    predictions = predictions._replace(relation_prob=prob)

    def found(thresholds: tuple[float, ...]) -> list[str]:
        config = DecodingConfig(relation_thresholds=thresholds)
        return [r.type for r in decode(predictions, len(sentence.tokens), VOCABS, config).relations]

    assert found((0.3,) * len(types)) == list(types)
    for i, name in enumerate(types):
        assert found(tuple(0.3 if j == i else 0.7 for j in range(len(types)))) == [name]
    assert found(()) == [name for i, name in enumerate(types) if prob[1, 4, i] > 0.5]


def test_a_threshold_between_two_neighbouring_probabilities_divides_them() -> None:
    """Sure networks give probabilities of 1.0 and of single precision's next lower number."""
    sure, less_sure = np.float32(1), np.nextafter(np.float32(1), np.float32(0))
    sentence = SENTENCES[0]
    batch = collate([encode(sentence, VOCABS)], 8, DataConfig(), 1, VOCABS.sizes)
    predictions = Predictions(*(array[0] for array in certain(batch, VOCABS)))
    prob = np.zeros_like(predictions.relation_prob)
    prob[1, 4, VOCABS.relation_ids["Live_In"]], prob[4, 1, VOCABS.relation_ids["Live_In"]] = sure, less_sure
    config = DecodingConfig(threshold=(float(sure) + float(less_sure)) / 2)
    found = decode(predictions._replace(relation_prob=prob), len(sentence.tokens), VOCABS, config)
    assert found.relations == (Relation(0, 1, "Live_In"),)


@pytest.mark.parametrize("scale", [1, 10, 100, 1000])
def test_span_probability_is_the_share_of_sequences_that_hold_the_span(scale: float) -> None:
    """Against enumeration of all tag sequences, for every span of the Viterbi path."""
    n, tags = 4, VOCABS.tags
    t = len(tags)
    chain = normal(0, 1, t, scale=scale), normal(1, 1, n, t, t, scale=scale)
    potentials = CRFPotentials(*map(jnp.asarray, chain))
    mask = jnp.ones((1, n), bool)
    path = np.asarray(viterbi(potentials, mask))
    probabilities = marginals(potentials, mask)
    predictions = Predictions(
        path[0],
        np.zeros((n, n, 1)),
        np.asarray(probabilities.initial[0]),
        np.asarray(probabilities.pairwise[0]),
    )
    sequences = np.array(list(itertools.product(range(t), repeat=n)))
    initial, pairwise = (np.asarray(values[0], float) for values in potentials)
    scores = initial[sequences[:, 0]]
    for i in range(1, n):
        scores = scores + pairwise[i][sequences[:, i - 1], sequences[:, i]]
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    annotation = decode(predictions, n, VOCABS, DecodingConfig())
    assert annotation.entities
    for entity, probability in zip(annotation.entities, annotation.entity_prob, strict=True):
        holds = (sequences[:, entity.start : entity.end] == path[0, entity.start : entity.end]).all(1)
        if entity.end < n:
            holds &= sequences[:, entity.end] != VOCABS.tag_ids[f"I-{entity.type}"]
        assert probability == pytest.approx(weights[holds].sum(), rel=1e-4 * scale**0.5)
        assert span_probability(predictions, entity, n, VOCABS) == probability


def test_a_span_on_a_path_that_hardly_any_sequence_takes_has_probability_zero() -> None:
    """The best path is a little better than each of 6^79 others, so that its marginals are below 1e-38."""
    n, t, tag = 80, len(VOCABS.tags), VOCABS.tag_ids["I-Peop"]
    pairwise = np.zeros((1, n, t, t), np.float32)
    pairwise[:, :, :, tag] = pairwise[:, :, tag] = -1e3  # between the best path and the others
    pairwise[:, :, tag, tag] = 0.1
    potentials = CRFPotentials(jnp.zeros((1, t)), jnp.asarray(pairwise))
    mask = jnp.ones((1, n), bool)
    probabilities = marginals(potentials, mask)
    path, *edges = (np.asarray(x[0]) for x in (viterbi(potentials, mask), *probabilities))
    assert (path == tag).all()
    annotation = decode(Predictions(path, np.zeros((n, n, 1)), *edges), n, VOCABS, DecodingConfig())
    assert annotation.entity_prob == (0.0,)


def test_constraints_only_take_relations_away() -> None:
    """Every subset of the pairs of types gives a subset of the relations, with unchanged probabilities."""
    sentence = SENTENCES[2]
    batch = collate([encode(sentence, VOCABS)], 8, DataConfig(), 1, VOCABS.sizes)
    predictions = Predictions(*(array[0] for array in certain(batch, VOCABS)))
    prob = np.random.default_rng(0).uniform(0, 1, predictions.relation_prob.shape).astype(np.float32)
    predictions, n = predictions._replace(relation_prob=prob), len(sentence.tokens)
    free = decode(predictions, n, VOCABS, DecodingConfig())
    assert len(free.relations) > 3
    probability = dict(zip(free.relations, free.relation_prob, strict=True))
    pairs = [("Peop", "Org"), ("Org", "Loc"), ("Loc", "Peop")]
    for chosen in itertools.chain.from_iterable(itertools.combinations(pairs, k) for k in range(4)):
        constraints = dict.fromkeys(VOCABS.relation_types, frozenset(chosen))
        found = decode(predictions, n, VOCABS, DecodingConfig(), constraints)
        assert (found.entities, found.entity_prob) == (free.entities, free.entity_prob)
        wanted = [
            r
            for r in free.relations
            if (free.entities[r.subject].type, free.entities[r.object].type) in chosen
        ]
        assert list(found.relations) == wanted
        assert list(found.relation_prob) == [probability[r] for r in wanted]
        assert set(found.triple_prob) <= set(free.triple_prob)
    live_in = decode(predictions, n, VOCABS, DecodingConfig(), {"Live_In": frozenset()})
    assert {r.type for r in free.relations} - {r.type for r in live_in.relations} == {"Live_In"}


def test_the_probability_of_a_triple_is_the_product_of_its_three_parts() -> None:
    sentence = SENTENCES[0]
    batch = collate([encode(sentence, VOCABS)], 8, DataConfig(), 1, VOCABS.sizes)
    predictions = Predictions(*(array[0] for array in certain(batch, VOCABS)))
    edges = predictions.edge_prob.copy()
    edges[4] *= 0.5  # the chain is half as sure of the tag of London
    edges[4, 0, 0] += 0.5
    prob = predictions.relation_prob * np.float32(0.75)
    found = decode(
        predictions._replace(edge_prob=edges, relation_prob=prob),
        len(sentence.tokens),
        VOCABS,
        DecodingConfig(),
    )
    assert found.relation_prob == (0.75,)
    assert found.entity_prob[1] == pytest.approx(0.5)
    assert found.triple_prob == pytest.approx((0.75 * found.entity_prob[0] * found.entity_prob[1],))
