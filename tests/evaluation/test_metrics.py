"""Tests of scores against counts made by hand, convention by convention."""

import itertools
import json

import pytest

from cman_jax.errors import InputError
from cman_jax.evaluation.facts import ANY
from cman_jax.evaluation.metrics import PRF, Scores, score
from cman_jax.types import Annotation, Entity, Relation, Sentence

ENTITY_TYPES = ("Peop", "Org", "Loc", "Other")
RELATION_TYPES = ("Work_For", "Live_In")
ANN, ACME, RIGA = Entity(0, 2, "Peop"), Entity(4, 5, "Org"), Entity(6, 7, "Loc")
GOLD = Sentence(
    "s1",
    ("Ann", "Lee", "works", "for", "Acme", "in", "Riga", "."),
    (ANN, ACME, RIGA),
    (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In")),
)
EVERY_SETTING = tuple(itertools.product(("ner", "re"), ("strict", "boundaries"), (True, False)))


def said(entities: tuple[Entity, ...], *relations: tuple[int, int, str]) -> Annotation:
    """Returns an annotation."""
    return Annotation(entities, tuple(Relation(*r) for r in relations))


def scored(gold: Sentence | list[Sentence], predicted: Annotation | list[Annotation], **options) -> Scores:
    """Returns the scores of one sentence or several."""
    gold = gold if isinstance(gold, list) else [gold]
    predicted = predicted if isinstance(predicted, list) else [predicted]
    return score(gold, predicted, entity_types=ENTITY_TYPES, relation_types=RELATION_TYPES, **options)


def copy(sentence: Sentence) -> Annotation:
    """Returns the gold of a sentence as a prediction."""
    return Annotation(sentence.entities, sentence.relations)


def counts(scores: Scores, task: str, match: str = "strict", other: bool = True) -> PRF:
    """Returns the counts of all types together."""
    return scores.table(task, match=match, other=other).micro


def test_gold_against_itself_is_100_under_every_convention():
    scores = scored(GOLD, copy(GOLD))
    for task, match, other in EVERY_SETTING:
        table = scores.table(task, match=match, other=other)
        assert table.micro[:] == ((3, 0, 0) if task == "ner" else (2, 0, 0))
        assert table.macro == (100.0, 100.0, 100.0)
        for average in ("micro", "macro"):
            assert scores.f1(task, match=match, average=average, other=other) == 100.0


def test_empty_prediction_misses_everything():
    scores = scored(GOLD, said(()))
    assert counts(scores, "ner") == (0, 0, 3)
    assert counts(scores, "re") == (0, 0, 2)
    for task, match, other in EVERY_SETTING:
        table = scores.table(task, match=match, other=other)
        assert (table.micro.precision, table.micro.recall, table.micro.f1) == (0.0, 0.0, 0.0)
        assert table.macro == (0.0, 0.0, 0.0)


def test_nothing_in_the_gold_and_nothing_predicted_is_0():
    scores = scored(Sentence("s", ("Hello",)), said(()))
    assert counts(scores, "re") == (0, 0, 0)
    assert scores.f1("re") == scores.f1("re", average="macro") == 0.0
    assert scores.table("ner").macro_types == ()


def test_precision_recall_and_f1_are_percentages_of_the_counts():
    prf = PRF(tp=3, fp=1, fn=2)
    assert (prf.gold, prf.predicted) == (5, 4)
    assert (prf.precision, prf.recall) == (75.0, 60.0)
    assert prf.f1 == pytest.approx(2 * 75 * 60 / (75 + 60))


def test_wrong_entity_type_costs_strict_twice_and_boundaries_nothing():
    scores = scored(GOLD, said((ANN, Entity(4, 5, "Loc"), RIGA), (0, 1, "Work_For"), (0, 2, "Live_In")))
    assert counts(scores, "ner") == (2, 1, 1)
    assert counts(scores, "ner", "boundaries") == (3, 0, 0)
    assert scores.table("ner").per_type["Loc"] == (1, 1, 0)
    assert scores.table("ner").per_type["Org"] == (0, 0, 1)
    # The type of the relation's argument is wrong, so the relation is only right by boundaries.
    assert counts(scores, "re") == (1, 1, 1)
    assert scores.table("re").per_type["Work_For"] == (0, 1, 1)
    assert counts(scores, "re", "boundaries") == (2, 0, 0)


@pytest.mark.parametrize("wrong", [Entity(1, 2, "Peop"), Entity(0, 1, "Peop"), Entity(0, 3, "Peop")])
def test_wrong_boundary_is_wrong_under_every_convention(wrong: Entity):
    scores = scored(GOLD, said((wrong, ACME, RIGA), (0, 1, "Work_For"), (0, 2, "Live_In")))
    for match in ("strict", "boundaries"):
        assert counts(scores, "ner", match) == (2, 1, 1)
        assert counts(scores, "re", match) == (0, 2, 2)


def test_wrong_direction_is_wrong():
    scores = scored(GOLD, said(GOLD.entities, (1, 0, "Work_For"), (0, 2, "Live_In")))
    for match in ("strict", "boundaries"):
        assert counts(scores, "re", match) == (1, 1, 1)


def test_wrong_relation_type_is_wrong_under_boundaries_too():
    scores = scored(GOLD, said(GOLD.entities, (0, 1, "Live_In"), (0, 2, "Live_In")))
    for match in ("strict", "boundaries"):
        assert scores.table("re", match=match).per_type == {"Work_For": (0, 0, 1), "Live_In": (1, 1, 0)}


def test_repeated_predictions_and_repeated_gold_count_once():
    twice = said((ANN, ACME, ACME), (0, 1, "Work_For"), (0, 2, "Work_For"), (0, 1, "Work_For"))
    scores = scored(GOLD, twice)
    assert counts(scores, "ner") == (2, 0, 1)
    assert counts(scores, "re") == (1, 0, 1)
    doubled = GOLD._replace(relations=GOLD.relations * 2)
    assert counts(scored(doubled, twice), "re") == (1, 0, 1)


def test_two_types_on_one_span_are_one_span_by_boundaries():
    scores = scored(GOLD, said((ACME, Entity(4, 5, "Loc"))))
    assert counts(scores, "ner") == (1, 1, 2)
    assert counts(scores, "ner", "boundaries") == (1, 0, 2)


def test_the_same_span_in_another_sentence_is_another_fact():
    other = Sentence("s2", GOLD.tokens)
    assert counts(scored([GOLD, other], [said(()), copy(GOLD)]), "ner") == (0, 3, 3)


def test_without_other_its_entities_and_their_relations_leave_gold_and_predictions():
    prize, city = Entity(9, 10, "Other"), Entity(11, 12, "Loc")
    gold = Sentence(
        "s", ("t",) * 12, (ANN, prize, city), (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In"))
    )
    # The Other is found. The Loc is predicted as Other, so its relation has a predicted Other argument.
    found = said((ANN, prize, Entity(11, 12, "Other")), (0, 1, "Work_For"), (0, 2, "Live_In"))
    scores = scored(gold, found)
    assert counts(scores, "ner") == (2, 1, 1)
    assert counts(scores, "ner", other=False) == (1, 0, 1)
    assert counts(scores, "ner", "boundaries") == (3, 0, 0)
    assert counts(scores, "ner", "boundaries", other=False) == (1, 0, 1)
    assert counts(scores, "re") == (1, 1, 1)
    assert counts(scores, "re", other=False) == (0, 0, 1)
    assert counts(scores, "re", "boundaries") == (2, 0, 0)
    assert counts(scores, "re", "boundaries", other=False) == (0, 0, 1)
    assert "Other" in scores.table("ner").per_type
    assert "Other" not in scores.table("ner", other=False).per_type


def test_a_corpus_without_other_scores_the_same_with_and_without():
    scores = scored(GOLD, said((ANN, Entity(4, 5, "Loc")), (0, 1, "Work_For")))
    for task, match, _ in EVERY_SETTING:
        with_other, without = (scores.table(task, match=match, other=o) for o in (True, False))
        assert with_other.micro == without.micro
        assert with_other.macro == without.macro


def test_macro_is_the_mean_over_types_and_micro_counts_facts():
    people = tuple(Entity(i, i + 1, "Peop") for i in range(4))
    gold = Sentence("s", ("t",) * 8, (*people, ACME))
    scores = scored(gold, said((*people[:3], ACME, Entity(6, 7, "Org"))))
    table = scores.table("ner")
    assert table.per_type["Peop"] == (3, 0, 1)  # P 100, R 75, F1 600 / 7
    assert table.per_type["Org"] == (1, 1, 0)  # P 50, R 100, F1 200 / 3
    assert table.micro == (4, 1, 1)
    assert scores.f1("ner") == 80.0
    # The mean of the F1s, not the F1 of the means (80.8).
    assert table.macro == pytest.approx((75.0, 87.5, (600 / 7 + 200 / 3) / 2))
    assert scores.f1("ner", average="macro") == pytest.approx(76.190476)


def test_a_type_absent_from_the_gold_lowers_micro_precision_but_not_macro():
    gold = Sentence("s", ("t",) * 8, (ANN,))
    scores = scored(gold, said((ANN, ACME)))
    table = scores.table("ner")
    assert table.per_type["Org"] == (0, 1, 0)
    assert table.macro_types == ("Peop",)
    assert table.macro == (100.0, 100.0, 100.0)
    assert table.micro.precision == 50.0


def test_boundaries_ner_has_one_type_so_macro_is_micro():
    table = scored(GOLD, said((ANN, Entity(3, 5, "Org")))).table("ner", match="boundaries")
    assert table.per_type == {ANY: (1, 1, 2)}
    assert table.macro == pytest.approx((table.micro.precision, table.micro.recall, table.micro.f1))


def test_dropping_overlaps_removes_both_spans_and_relations_between_them_everywhere():
    drug, effect, far = Entity(0, 1, "Peop"), Entity(0, 3, "Org"), Entity(5, 6, "Loc")
    relations = (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In"))
    gold = Sentence("s", ("t",) * 8, (drug, effect, far), relations)
    everything = scored(gold, copy(gold), overlap="drop")
    assert counts(everything, "ner") == (1, 0, 0)
    # As in SpERT, a dropped span keeps its relation to a third span.
    assert everything.table("re").per_type == {"Work_For": (0, 0, 0), "Live_In": (1, 0, 0)}
    assert everything.overlap == "drop"

    # The gold loses the drug, but a prediction without the effect keeps it: SpERT counts it as spurious.
    alone = scored(gold, said((drug, far), (0, 1, "Live_In")), overlap="drop")
    assert counts(alone, "ner") == (1, 1, 0)
    assert counts(alone, "re") == (1, 0, 0)
    assert counts(scored(gold, copy(gold)), "ner") == (3, 0, 0)


def test_touching_and_repeated_spans_do_not_overlap():
    gold = Sentence("s", ("t",) * 4, (Entity(0, 2, "Peop"), Entity(2, 4, "Org"), Entity(0, 2, "Peop")))
    assert counts(scored(gold, copy(gold), overlap="drop"), "ner") == (2, 0, 0)


def test_unequal_numbers_of_sentences_are_refused():
    with pytest.raises(ValueError, match="2 gold sentences but 1 predictions"):
        scored([GOLD, GOLD], [copy(GOLD)])


def test_types_outside_the_inventory_are_refused_by_name():
    people = "prediction for sentence s1: found entity type 'Person', expected one of the known types: Peop"
    with pytest.raises(InputError, match=people):
        scored(GOLD, said((Entity(0, 2, "Person"),)))
    with pytest.raises(InputError, match="gold of sentence s1: found relation type 'Kill', expected"):
        scored(GOLD._replace(relations=(Relation(0, 1, "Kill"),)), said(()))


def test_as_dict_is_json_with_the_same_numbers():
    scores = scored(GOLD, said((ANN, Entity(4, 5, "Loc")), (0, 1, "Work_For")))
    tree = json.loads(json.dumps(scores.as_dict()))
    assert (tree["sentences"], tree["overlap"], tree["unit"]) == (1, "keep", "percent")
    for task, match, other in EVERY_SETTING:
        node = tree[task][match]["with_other" if other else "without_other"]
        for average in ("micro", "macro"):
            assert node[average]["f1"] == scores.f1(task, match=match, average=average, other=other)
    assert tree["ner"]["strict"]["with_other"]["per_type"]["Loc"] == {
        "precision": 0.0, "recall": 0.0, "f1": 0.0, "tp": 0, "fp": 1, "fn": 1
    }  # fmt: skip
