"""Tests of scores of random predictions against a plain loop, seqeval and nervaluate, and of invariances."""

import itertools
import random

import pytest

from cman_jax.data.bio import tags_to_spans
from cman_jax.evaluation.facts import facts
from cman_jax.evaluation.metrics import PRF, Scores, score
from cman_jax.types import Annotation, Entity, Relation, Sentence

ENTITY_TYPES = ("Peop", "Org", "Loc", "Other")
RELATION_TYPES = ("Work_For", "Live_In")


def scored(gold: list[Sentence], predicted: list[Annotation], **options: str) -> Scores:
    """Returns the scores."""
    return score(gold, predicted, entity_types=ENTITY_TYPES, relation_types=RELATION_TYPES, **options)


def counts(scores: Scores, task: str, match: str = "strict", other: bool = True) -> PRF:
    """Returns the counts of all types together."""
    return scores.table(task, match=match, other=other).micro


def random_sentence(rng: random.Random, number: int) -> Sentence:
    """Returns a sentence with random entities and relations."""
    entities, start = [], rng.randrange(3)
    while start < 17:
        end = start + rng.randint(1, 3)
        entities.append(Entity(start, end, rng.choice(ENTITY_TYPES)))
        start = end + rng.randrange(3)
    return Sentence(str(number), ("t",) * 20, tuple(entities), random_relations(rng, len(entities), 4))


def random_relations(rng: random.Random, entities: int, most: int) -> tuple[Relation, ...]:
    """Returns random relations, fewer than `most`."""
    pairs = [rng.sample(range(entities), 2) for _ in range(rng.randrange(most) if entities > 1 else 0)]
    return tuple(Relation(a, b, rng.choice(RELATION_TYPES)) for a, b in pairs)


def corrupted(rng: random.Random, sentence: Sentence) -> Annotation:
    """Returns a prediction with errors.

    Some types, ends and directions are changed, some relations are dropped and some are invented.
    """
    entities = []
    for entity in sentence.entities:
        if rng.random() < 0.3:
            entity = entity._replace(type=rng.choice(ENTITY_TYPES))
        if rng.random() < 0.2:
            entity = entity._replace(end=entity.end + 1)
        entities.append(entity)
    relations = [r for r in sentence.relations if rng.random() < 0.8]
    relations = [Relation(o, s, t) if rng.random() < 0.2 else Relation(s, o, t) for s, o, t in relations]
    relations += random_relations(rng, len(entities), 3)
    return Annotation(tuple(entities), tuple(relations))


def random_corpus(seed: int) -> tuple[list[Sentence], list[Annotation]]:
    """Returns sentences, and a prediction for each."""
    rng = random.Random(seed)
    gold = [random_sentence(rng, i) for i in range(100)]
    return gold, [corrupted(rng, sentence) for sentence in gold]


def list_entities(sentence: Sentence | Annotation) -> list[str]:
    """Returns the entities as text."""
    return [f"{e.type} {e.start} {e.end}" for e in sentence.entities]


def list_relations(sentence: Sentence | Annotation) -> list[str]:
    """Returns the relations as text."""
    names = list_entities(sentence)
    return [f"{r.type}: {names[r.subject]} -> {names[r.object]}" for r in sentence.relations]


@pytest.mark.parametrize("seed", range(10))
def test_strict_scores_agree_with_a_plain_loop(seed: int):
    gold, predicted = random_corpus(seed)
    scores = scored(gold, predicted)
    for task, listing in (("ner", list_entities), ("re", list_relations)):
        right = wrong = missed = 0
        for sentence, guess in zip(gold, predicted, strict=True):
            truth, guesses = listing(sentence), listing(guess)
            for position, claim in enumerate(guesses):
                if claim not in guesses[:position]:
                    right, wrong = right + (claim in truth), wrong + (claim not in truth)
            missed += sum(c not in guesses and c not in truth[:i] for i, c in enumerate(truth))
        assert counts(scores, task) == (right, wrong, missed)
        assert right > 0
        assert wrong > 0
        assert missed > 0


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_a_prediction_does_not_matter(seed: int):
    gold, predicted = random_corpus(seed)
    rng = random.Random(seed)
    shuffled = []
    for guess in predicted:
        order = rng.sample(range(len(guess.entities)), len(guess.entities))
        place = {old: new for new, old in enumerate(order)}
        relations = [Relation(place[r.subject], place[r.object], r.type) for r in guess.relations]
        rng.shuffle(relations)
        shuffled.append(Annotation(tuple(guess.entities[i] for i in order), tuple(relations)))
    assert shuffled != predicted
    assert [facts(a) for a in shuffled] == [facts(a) for a in predicted]
    for overlap in ("keep", "drop"):
        assert scored(gold, shuffled, overlap=overlap) == scored(gold, predicted, overlap=overlap)


@pytest.mark.parametrize("seed", range(10))
def test_more_lenient_conventions_never_find_less(seed: int):
    scores = scored(*random_corpus(seed))
    for task, other in itertools.product(("ner", "re"), (True, False)):
        strict, lenient = (counts(scores, task, match, other) for match in ("strict", "boundaries"))
        assert strict.tp <= lenient.tp
        assert strict.f1 <= lenient.f1


def bio(entities: tuple[Entity, ...], length: int) -> list[str]:
    """Returns the BIO tags of the entities."""
    tags = ["O"] * length
    for e in entities:
        tags[e.start : e.end] = [f"B-{e.type}"] + [f"I-{e.type}"] * (e.end - e.start - 1)
    return tags


def corrupted_tags(seed: int) -> tuple[list[Sentence], list[list[str]]]:
    """Returns sentences, and tag sequences (well-formed or not) that a tagger might predict; every type has
    errors.
    """
    rng = random.Random(seed)
    gold = [random_sentence(rng, i) for i in range(200)]
    tags = ["O", *(f"{prefix}-{name}" for prefix in "BI" for name in ENTITY_TYPES)]
    return gold, [
        [rng.choice(tags) if rng.random() < 0.15 else tag for tag in bio(sentence.entities, 20)]
        for sentence in gold
    ]


@pytest.mark.parametrize("seed", range(5))
def test_ner_agrees_with_seqeval(seed: int):
    # The function behind precision_score and others of seqeval.metrics; one call returns all three.
    seqeval = pytest.importorskip("seqeval.metrics.sequence_labeling").precision_recall_fscore_support
    gold, tags = corrupted_tags(seed)
    table = scored(gold, [Annotation(tags_to_spans(sequence), ()) for sequence in tags]).table("ner")
    truth = [bio(sentence.entities, 20) for sentence in gold]
    for average, ours in (("micro", table.micro), ("macro", table.macro)):
        theirs = seqeval(truth, tags, average=average)[:3]
        assert (ours.precision, ours.recall, ours.f1) == pytest.approx([100 * x for x in theirs])
        assert 20 < ours.f1 < 90


@pytest.mark.parametrize("seed", range(5))
def test_ner_agrees_with_nervaluate(seed: int):
    # Spans must not overlap, or a wrong prediction could use up the gold span of a right one.
    evaluator = pytest.importorskip("nervaluate").Evaluator
    gold, tags = corrupted_tags(seed)
    predicted = [Annotation(tags_to_spans(sequence), ()) for sequence in tags]
    spans = [
        [[{"label": e.type, "start": e.start, "end": e.end - 1} for e in s.entities] for s in side]
        for side in (gold, predicted)
    ]
    theirs = evaluator(*spans, tags=list(ENTITY_TYPES), loader="dict").evaluate()
    scores = scored(gold, predicted)
    strict, exact = theirs["overall"]["strict"], theirs["overall"]["exact"]
    for ours, their in ((counts(scores, "ner"), strict), (counts(scores, "ner", "boundaries"), exact)):
        assert (ours.tp, ours.predicted, ours.gold) == (their.correct, their.actual, their.possible)
        assert (ours.precision, ours.recall, ours.f1) == pytest.approx(
            (100 * their.precision, 100 * their.recall, 100 * their.f1)
        )
    for name, ours in scores.table("ner").per_type.items():
        their = theirs["entities"][name]["strict"]
        assert (ours.tp, ours.predicted, ours.gold) == (their.correct, their.actual, their.possible)
        assert 20 < ours.f1 < 90
