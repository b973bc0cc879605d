"""Tests that the generated corpus is valid, disjoint, reproducible, and too hard for a frequency baseline."""

import hashlib
import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from cman_jax.data.corpus import read_jsonl
from cman_jax.types import Entity, Sentence
from data_prep.generated import corpus as generated
from data_prep.generated.corpus import SPLITS, generate, owner
from data_prep.generated.grammar import Draft, Writer, parse_grammar
from data_prep.generated.lexicon import ENTITY_TYPES, NAMES
from data_prep.generated.templates import SENTENCES

SIGNATURES = {
    "Kill": ("Peop", "Peop"),
    "Live_In": ("Peop", "Loc"),
    "Located_In": ("Loc", "Loc"),
    "OrgBased_In": ("Org", "Loc"),
    "Work_For": ("Peop", "Org"),
}
SIZES = {"train": 1200, "dev": 200, "test": 200}
DIGEST = "10f6e490015b354071d5571cddfc5ca749b9b706f38607b040fe2a8d60fd3a5d"

Corpus = dict[str, list[Sentence]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return {split: generate(SIZES[split], split, seed=0) for split in SPLITS}


@pytest.fixture(scope="module")
def sentences(corpus: Corpus) -> list[Sentence]:
    return [sentence for split in SPLITS for sentence in corpus[split]]


def mention(sentence: Sentence, entity: Entity) -> str:
    return " ".join(sentence.tokens[entity.start : entity.end])


def f1(num_right: int, num_predicted: int, num_gold: int) -> float:
    return 200 * num_right / (num_predicted + num_gold)


def test_it_goes_on_when_the_grammar_has_no_further_sentence_without_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generated, "_TRIES", 1)
    found = generate(2000, "dev", seed=0)
    without = [number for number, sentence in enumerate(found, 1) if not sentence.entities]
    assert 0 < len(without) < 2000 // 25
    assert without == list(range(25, without[-1] + 1, 25))
    assert len({sentence.tokens for sentence in found}) == 2000


def test_spans_are_valid_ordered_and_disjoint(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        edges = [edge for entity in sentence.entities for edge in (entity.start, entity.end)]
        assert edges == sorted(edges)
        assert all(entity.start < entity.end <= len(sentence.tokens) for entity in sentence.entities)
        assert {entity.type for entity in sentence.entities} <= {"Peop", "Loc", "Org", "Other"}


def test_relations_fit_their_signature_and_cells_are_unique(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        cells = []
        for relation in sentence.relations:
            subject, object_ = sentence.entities[relation.subject], sentence.entities[relation.object]
            assert (subject.type, object_.type) == SIGNATURES[relation.type]
            cells.append((subject.end, object_.end))
        assert len(set(cells)) == len(cells)


def test_tokens_are_clean(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        assert all(token and token.isascii() and not set(token) & set(" {}=|*") for token in sentence.tokens)
        assert sentence.tokens[-1] == "."
        assert not sentence.tokens[0][0].islower()


def test_lengths(sentences: list[Sentence]) -> None:
    lengths = [len(sentence.tokens) for sentence in sentences]
    assert 16 <= np.mean(lengths) <= 20
    assert np.percentile(lengths, 90) < 32
    assert min(lengths) == 4
    assert 45 <= max(lengths) < 64


def test_both_argument_orders_occur_in_every_split(corpus: Corpus) -> None:
    for split in SPLITS:
        orders = Counter(
            (relation.type, sentence.entities[relation.subject] < sentence.entities[relation.object])
            for sentence in corpus[split]
            for relation in sentence.relations
        )
        for relation_type in SIGNATURES:
            for subject_first in (True, False):
                assert orders[relation_type, subject_first] >= SIZES[split] / 40


def test_kinds_of_sentences(corpus: Corpus) -> None:
    for split in SPLITS:
        num_relations = np.array([len(sentence.relations) for sentence in corpus[split]])
        num_entities = np.array([len(sentence.entities) for sentence in corpus[split]])
        assert 0.08 < np.mean(num_relations == 0) < 0.25
        assert np.mean(num_entities == 0) == 0.04
        assert np.mean(num_relations > 1) > 0.18


def test_some_relations_share_arguments_and_some_arguments_are_distant(sentences: list[Sentence]) -> None:
    shared_subjects = shared_objects = far = 0
    for sentence in sentences:
        relations = sentence.relations
        shared_subjects += len({r.subject for r in relations}) < len(relations)
        shared_objects += len({r.object for r in relations}) < len(relations)
        ends = [(sentence.entities[r.subject].end, sentence.entities[r.object].end) for r in relations]
        far += any(abs(subject - object_) > 12 for subject, object_ in ends)
    assert min(shared_subjects, shared_objects, far) >= 30


def test_splits_share_no_sentence_and_no_name(corpus: Corpus) -> None:
    texts, names = {}, {}
    for split in SPLITS:
        texts[split] = {sentence.tokens for sentence in corpus[split]}
        names[split] = {mention(s, entity) for s in corpus[split] for entity in s.entities}
        assert len(texts[split]) == SIZES[split]
        assert {owner(name) for name in names[split]} == {split}
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert not texts[one] & texts[other]
        assert not names[one] & names[other]


def test_many_name_tokens_are_new_and_many_are_ambiguous(corpus: Corpus) -> None:
    types = defaultdict(set)
    for sentence in corpus["train"]:
        for entity in sentence.entities:
            for token in sentence.tokens[entity.start : entity.end]:
                types[token].add(entity.type)
    tokens = [t for s in corpus["test"] for e in s.entities for t in s.tokens[e.start : e.end] if t.isalpha()]
    assert np.mean([token not in types for token in tokens]) > 0.2
    assert np.mean([len(types[token]) > 1 for token in tokens if token in types]) > 0.2


def test_words_outside_names_are_a_closed_vocabulary(corpus: Corpus) -> None:
    counts = Counter(token.lower() for sentence in corpus["train"] for token in sentence.tokens)
    for sentence in corpus["test"]:
        inside = {i for entity in sentence.entities for i in range(entity.start, entity.end)}
        for i, token in enumerate(sentence.tokens):
            assert i in inside or counts[token.lower()] >= 5, token


def test_the_same_seed_generates_the_same_corpus(corpus: Corpus) -> None:
    assert hashlib.sha256(repr(corpus).encode()).hexdigest() == DIGEST


def test_a_smaller_corpus_is_a_prefix_and_seeds_change_the_corpus(corpus: Corpus) -> None:
    assert generate(20, "dev", seed=0) == corpus["dev"][:20]
    assert generate(20, "dev", seed=1) != corpus["dev"][:20]


def test_program_writes_the_splits(tmp_path: Path, corpus: Corpus) -> None:
    command = [sys.executable, "-m", "data_prep.generated", f"--out={tmp_path / 'new' / 'corpus'}"]
    sizes = ["--num_train=30", "--num_dev=20", "--num_test=10"]
    subprocess.run([*command, *sizes], check=True, capture_output=True, cwd=Path(__file__).parents[2])
    for split, number in (("train", 30), ("dev", 20), ("test", 10)):
        assert list(read_jsonl(tmp_path / "new" / "corpus" / f"{split}.jsonl")) == corpus[split][:number]


def test_every_symbol_is_defined_and_used() -> None:
    for text, tops in ((SENTENCES, {"sentence", "nameless"}), (NAMES, set(ENTITY_TYPES))):
        grammar = parse_grammar(text)
        texts = " ".join(rule.text for ways in grammar.values() for rule in ways.rules)
        used = {part.split("}")[0].split("=")[-1] for part in texts.split("{")[1:]}
        known = set(grammar) | (set(ENTITY_TYPES) if text is SENTENCES else set())
        assert used <= known
        assert set(grammar) <= used | tops


def test_a_grammar_writes_names_heads_and_relations() -> None:
    grammar = parse_grammar("[top]\n{s=who} lives in {o=city} , . :: Live_In s o\n[who]\n2* {h=person} ,")
    draft = Draft()
    types = {"person": "Peop", "city": "Loc"}
    Writer(grammar, types, {"person": "Ann Lee", "city": "Ashby"}.__getitem__, random.Random(0)).write(
        draft, "top"
    )
    assert draft.tokens == ["Ann", "Lee", ",", "lives", "in", "Ashby", "."]
    assert draft.entities == [(0, 2, "Peop"), (5, 6, "Loc")]
    assert draft.relations == [(0, 1, "Live_In")]


def frequent_tags(train: list[Sentence]) -> dict[str, str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in train:
        for token, tag in zip(sentence.tokens, gold_tags(sentence), strict=True):
            counts[token][tag] += 1
    return {token: counter.most_common(1)[0][0] for token, counter in counts.items()}


def gold_tags(sentence: Sentence) -> list[str]:
    tags = ["O"] * len(sentence.tokens)
    for entity in sentence.entities:
        tags[entity.start : entity.end] = ["B-" + entity.type] + ["I-" + entity.type] * (
            entity.end - entity.start - 1
        )
    return tags


def chunks(tags: list[str]) -> set[Entity]:
    """Returns the chunks of a tag sequence.

    A chunk starts at a B tag, and at an I tag whose type differs from the type of the previous tag.
    """
    found, start = set(), None
    for i, tag in enumerate([*tags, "O"]):
        if start is not None and tag != "I-" + tags[start][2:]:
            found.add(Entity(start, i, tags[start][2:]))
            start = None
        if start is None and tag != "O":
            start = i
    return found


@pytest.mark.parametrize("unseen_names", ["O", "B-Peop", "B-Loc"])
def test_frequency_baseline_fails(corpus: Corpus, unseen_names: str) -> None:
    """Scores a baseline that predicts each token's most frequent tag.

    For every pair of entities, the baseline predicts the relation that their types allow.
    """
    tag_of = frequent_tags(corpus["train"])
    allowed = {types: relation_type for relation_type, types in SIGNATURES.items()}
    ner, re, re_gold = Counter[str](), Counter[str](), Counter[str]()
    for sentence in corpus["test"]:
        tags = [tag_of.get(t, unseen_names if t[0].isupper() else "O") for t in sentence.tokens]
        gold = set(sentence.entities)
        triples = {
            (sentence.entities[r.subject], sentence.entities[r.object], r.type) for r in sentence.relations
        }
        tally(ner, chunks(tags), gold)
        for counter, entities in ((re, chunks(tags)), (re_gold, gold)):
            pairs = {(a, b, allowed.get((a.type, b.type))) for a in entities for b in entities if a != b}
            tally(counter, {triple for triple in pairs if triple[2]}, triples)
    assert f1(ner["right"], ner["predicted"], ner["gold"]) < 40
    assert f1(re["right"], re["predicted"], re["gold"]) < 10
    assert f1(re_gold["right"], re_gold["predicted"], re_gold["gold"]) < 45


def tally(counter: Counter[str], predicted: set, gold: set) -> None:
    counter.update(right=len(predicted & gold), predicted=len(predicted), gold=len(gold))
