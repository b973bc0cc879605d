"""Tests of the printed tables and examples, character by character."""

import re

import pytest

from cman_jax.evaluation.metrics import Scores, score
from cman_jax.evaluation.report import convention_table, score_table
from cman_jax.inference.show import format_example
from cman_jax.types import Annotation, Entity, Relation, Sentence

TOKENS = ("Ann", "Lee", "works", "for", "Acme", "in", "Riga", ".")
ANN, ACME, RIGA = Entity(0, 2, "Peop"), Entity(4, 5, "Org"), Entity(6, 7, "Loc")
GOLD = Sentence("s1", TOKENS, (ANN, ACME, RIGA), (Relation(0, 1, "Work_For"), Relation(0, 2, "Live_In")))
# Riga is predicted as Other; one relation has the wrong type.
PREDICTED = Annotation(
    (ANN, ACME, RIGA._replace(type="Other")),
    (Relation(0, 1, "Work_For"), Relation(0, 1, "Live_In")),
    (0.994, 0.5, 1.0),
    (0.99, 0.6),
    (0.98, 0.512),
)


def scores(entity_types: tuple[str, ...] = ("Peop", "Org", "Loc", "Other"), **options: str) -> Scores:
    """Returns the scores of `PREDICTED`, without its Other if that is not among the entity types."""
    predicted = PREDICTED if "Other" in entity_types else Annotation((ANN, ACME), PREDICTED.relations)
    inventory = {"entity_types": entity_types, "relation_types": ("Work_For", "Live_In")}
    return score([GOLD], [predicted], **inventory, **options)


def test_score_table_to_the_character():
    assert score_table(scores(), title="CoNLL04 dev").splitlines() == [
        "CoNLL04 dev: strict, micro, with Other, overlapping entities scored, 1 sentence",
        "",
        "  entities  precision  recall      F1  gold  predicted  correct",
        "  Peop         100.00  100.00  100.00     1          1        1",
        "  Org          100.00  100.00  100.00     1          1        1",
        "  Loc            0.00    0.00    0.00     1          0        0",
        "  Other          0.00    0.00    0.00     0          1        0",
        "* micro         66.67   66.67   66.67     3          3        2",
        "  macro         66.67   66.67   66.67     -          -        -",
        "",
        "  relations  precision  recall      F1  gold  predicted  correct",
        "  Work_For      100.00  100.00  100.00     1          1        1",
        "  Live_In         0.00    0.00    0.00     1          1        0",
        "* micro          50.00   50.00   50.00     2          2        1",
        "  macro          50.00   50.00   50.00     -          -        -",
    ]


def test_score_table_shows_and_names_the_chosen_convention():
    text = score_table(
        scores(overlap="drop"), match="boundaries", average="macro", other=False, title="ADE fold 3"
    )
    assert text.startswith(
        "ADE fold 3: boundaries, macro, without Other, overlapping entities not scored, 1 sentence"
    )
    # Without Other, Riga is missed: two of three spans are found, and nothing else is predicted.
    assert re.search(r"^  \(any\) +100\.00 +66\.67 +80\.00 +3 +2 +2$", text, re.MULTILINE)
    assert len(re.findall(r"^\* macro ", text, re.MULTILINE)) == 2
    assert len(re.findall(r"^\*", text, re.MULTILINE)) == 2


def test_convention_table_contains_every_f1_and_marks_one():
    all_scores = scores()
    text = convention_table(all_scores, match="boundaries", other=False, title="CoNLL04 dev")
    rows = re.findall(r"^([* ]) (\w+), (\w+), (\w+) Other +([\d.]+) +([\d.]+)$", text, re.MULTILINE)
    assert len({row[1:4] for row in rows}) == len(rows) == 8
    assert [row[1:4] for row in rows if row[0] == "*"] == [("boundaries", "micro", "without")]
    for _, match, average, other, *f1 in rows:
        for task, printed in zip(("ner", "re"), f1, strict=True):
            value = all_scores.f1(task, match=match, average=average, other=other == "with")
            assert printed == f"{value:.2f}"


@pytest.mark.parametrize("other", [True, False])
def test_other_is_not_mentioned_if_no_type_has_that_name(other: bool):
    without = scores(("Peop", "Org", "Loc"))
    assert "Other" not in score_table(without, other=other, title="dev")
    text = convention_table(without, other=other, title="dev")
    assert "Other" not in text
    assert len(re.findall(r"^[* ] (strict|boundaries),", text, re.MULTILINE)) == 4
    assert len(re.findall(r"^\* strict, micro ", text, re.MULTILINE)) == 1


def test_example_to_the_character():
    assert format_example(TOKENS, PREDICTED).splitlines() == [
        "Ann Lee works for Acme in Riga .",
        "  Ann Lee [Peop]  0.99",
        "  Acme [Org]  0.50",
        "  Riga [Other]  1.00",
        "  (Ann Lee [Peop]) -- Work_For --> (Acme [Org])  0.98",
        "  (Ann Lee [Peop]) -- Live_In --> (Acme [Org])  0.51",
    ]


def test_example_without_probabilities_and_without_entities():
    gold = Annotation(GOLD.entities[:2], (Relation(1, 0, "Work_For"),))
    assert format_example(TOKENS, gold).splitlines()[1:] == [
        "  Ann Lee [Peop]",
        "  Acme [Org]",
        "  (Acme [Org]) -- Work_For --> (Ann Lee [Peop])",
    ]
    assert format_example(("Hello",), Annotation((), ())) == "Hello\n  (no entity)\n  (no relation)"


def test_probabilities_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        format_example(TOKENS, PREDICTED._replace(triple_prob=(0.5,)))
