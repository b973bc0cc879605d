"""Outcomes follow the strict scores, and every error is listed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cman_jax.data.text import from_tokens
from cman_jax.evaluation.metrics import score
from cman_jax.page.annotated import Annotated, Link, Mention
from cman_jax.page.outcomes import compare
from cman_jax.types import Annotation, Entity, Relation, Sentence

TOKENS = ("Ann", "Lee", "left", "Oslo", ".")
TYPES = ("Peop", "Loc", "Other")
RELATION_TYPES = ("Live_In", "Kill")


@st.composite
def annotations(draw: st.DrawFn) -> Annotation:
    """Entities that may overlap or repeat, and relations that may repeat."""
    starts, ends = st.integers(0, 2), st.integers(3, 5)
    entities = draw(st.lists(st.builds(Entity, starts, ends, st.sampled_from(TYPES)), max_size=4))
    if not entities:
        return Annotation((), ())
    argument = st.integers(0, len(entities) - 1)
    relation = st.builds(Relation, argument, argument, st.sampled_from(RELATION_TYPES))
    return Annotation(tuple(entities), tuple(draw(st.lists(relation, max_size=5))))


def annotated(annotation: Annotation) -> Annotated:
    document = from_tokens(Sentence("1", TOKENS))
    mentions = tuple(
        Mention(document.offsets[e.start][0], document.offsets[e.end - 1][1], e.type)
        for e in annotation.entities
    )
    return Annotated("1", document.text, mentions, tuple(Link(*r) for r in annotation.relations))


@settings(deadline=None, max_examples=300)
@given(annotations(), annotations())
def test_counts_are_those_of_the_strict_scores(gold: Annotation, predicted: Annotation) -> None:
    sentence = Sentence("1", TOKENS, gold.entities, gold.relations)
    scores = score([sentence], [predicted], entity_types=TYPES, relation_types=RELATION_TYPES)
    compared = compare(annotated(gold), annotated(predicted))
    sides = (compared.gold, compared.predicted)
    for task, counts, kind in (("ner", compared.entities, "mentions"), ("re", compared.relations, "links")):
        micro = scores.table(task).micro
        assert counts["correct"] == micro.tp
        assert counts["wrong type"] + counts["spurious"] == micro.fp
        # Of a wrong type, the gold side has at least one fact wherever the predicted side has one.
        assert counts["missed"] <= micro.fn
        wrong = [any(fact.outcome == "wrong type" for fact in getattr(side, kind)) for side in sides]
        assert wrong[0] == wrong[1]
        assert (counts["missed"] == micro.fn) == (not wrong[0])
    total = sum(counts[name] for counts in (compared.entities, compared.relations) for name in counts)
    correct = compared.entities["correct"] + compared.relations["correct"]
    assert len(compared.errors) == total - correct


def outcomes(gold: Annotation, predicted: Annotation) -> tuple[list[str], list[str], list[str], list[str]]:
    compared = compare(annotated(gold), annotated(predicted))
    return tuple(
        [fact.outcome for fact in facts]
        for side in (compared.gold, compared.predicted)
        for facts in (side.mentions, side.links)
    )


ANN, OSLO = Entity(0, 2, "Peop"), Entity(3, 4, "Loc")


def test_each_outcome() -> None:
    gold = Annotation((ANN, OSLO), (Relation(0, 1, "Live_In"),))
    assert outcomes(gold, gold) == (["correct"] * 2, ["correct"], ["correct"] * 2, ["correct"])
    assert outcomes(gold, Annotation((), ())) == (["missed"] * 2, ["missed"], [], [])
    assert outcomes(Annotation((), ()), gold) == ([], [], ["spurious"] * 2, ["spurious"])
    turned = Annotation((ANN, OSLO), (Relation(1, 0, "Live_In"),))
    assert outcomes(gold, turned)[1::2] == (["missed"], ["spurious"])
    other = Annotation((ANN, OSLO._replace(type="Other")), (Relation(0, 1, "Live_In"),))
    wrong = (["correct", "wrong type"], ["wrong type"])
    assert outcomes(gold, other) == (*wrong, *wrong)


def test_a_second_relation_of_a_pair_is_missed_although_the_first_is_correct() -> None:
    both = (Relation(0, 1, "Live_In"), Relation(0, 1, "Kill"))
    found = outcomes(Annotation((ANN, OSLO), both), Annotation((ANN, OSLO), both[:1]))
    assert found[1::2] == (["correct", "missed"], ["correct"])


def test_errors_are_said_in_words() -> None:
    gold = Annotation((ANN, OSLO), (Relation(0, 1, "Live_In"),))
    predicted = Annotation((ANN, OSLO._replace(type="Other")), ())
    assert compare(annotated(gold), annotated(predicted)).errors == (
        ("wrong type", "Oslo [Other], gold: Loc"),
        ("missed", "Ann Lee [Peop] → Live_In → Oslo [Loc]"),
    )
