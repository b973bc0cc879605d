"""Drawings have marks at their words, arcs at their marks, and words for every part."""

import pytest

from cman_jax.page.annotated import Annotated, Link, Mention
from cman_jax.page.drawing import WIDTH, Drawing, draw, in_words

SENTENCE = Annotated(
    "1",
    "Jane Roe works for Acme Corp. in Boston.",
    (Mention(0, 8, "Peop", 0.5), Mention(19, 29, "Org", 0.75), Mention(33, 39, "Loc", None)),
    (Link(0, 1, "Work_For", 0.875), Link(1, 2, "OrgBased_In", None, "missed")),
)


def drawing(sentence: Annotated = SENTENCE, width: float = WIDTH) -> Drawing:
    return draw(sentence, {"Peop": 0, "Org": 1, "Loc": 2}, {"Work_For": 3, "OrgBased_In": 4}, width)


def test_marks_surround_the_text_of_their_mentions() -> None:
    drawn = drawing()
    by_text = {run.text: (run, y) for run, y in drawn.runs}
    for mark, text in zip(drawn.marks, ("Jane Roe", "Acme Corp.", "Boston"), strict=True):
        run, baseline = by_text[text]
        assert mark.x < run.left
        assert run.left + run.width < mark.x + mark.width
        assert mark.y < baseline < mark.y + mark.height
        assert mark.y + mark.height < mark.label.y
    assert [mark.colour for mark in drawn.marks] == [0, 1, 2]


def test_arcs_begin_and_end_on_top_of_their_marks() -> None:
    drawn = drawing()
    for curve in drawn.curves:
        for point, index in ((curve.start, curve.link.subject), (curve.tip, curve.link.object)):
            mark = drawn.marks[index]
            assert mark.x < point[0] < mark.x + mark.width
            assert point[1] == mark.y
    assert [curve.label.text for curve in drawn.curves] == ["Work_For", "○ OrgBased_In"]


def test_everything_is_inside_the_drawing() -> None:
    for width in (120.0, 300.0, WIDTH):
        drawn = drawing(width=width)
        heights = [mark.label.y for mark in drawn.marks] + [curve.label.y for curve in drawn.curves]
        assert all(0 < y < drawn.height for y in heights)
        assert all(mark.x >= 0 and mark.x + mark.width <= width for mark in drawn.marks)


def test_a_relation_across_lines_is_drawn_on_each() -> None:
    drawn = drawing(width=150.0)
    assert len({y for _, y in drawn.runs}) == 3
    first = [curve for curve in drawn.curves if curve.index == 0]
    assert [(c.start is None, c.tip is None) for c in first] == [(False, True), (True, False)]


def test_a_text_from_right_to_left_begins_at_the_right() -> None:
    text = "דנה גרה בחיפה ."
    sentence = Annotated("1", text, (Mention(0, 3, "Peop"), Mention(8, 13, "Loc")), (Link(0, 1, "Work_For"),))
    drawn = drawing(sentence)
    assert drawn.right_to_left
    assert drawn.marks[0].x > drawn.marks[1].x > WIDTH / 2
    (curve,) = drawn.curves
    for point, mark in ((curve.start, drawn.marks[0]), (curve.tip, drawn.marks[1])):
        assert mark.x < point[0] < mark.x + mark.width


def test_parts_are_described_in_words() -> None:
    assert in_words(SENTENCE, SENTENCE.mentions[0]) == "Jane Roe, Peop, probability 0.500"
    assert in_words(SENTENCE, SENTENCE.mentions[2]) == "Boston, Loc"
    assert in_words(SENTENCE, SENTENCE.links[0]) == "Jane Roe → Work_For → Acme Corp., probability 0.875"
    assert in_words(SENTENCE, SENTENCE.links[1]) == "Acme Corp. → OrgBased_In → Boston, missed"


def test_a_path_is_rounded_at_its_corner_and_ends_at_the_label() -> None:
    curve = drawing().curves[0]
    left, right = curve.path.split(" M") if " M" in curve.path else (curve.path, "")
    assert left.count("Q") == 1
    assert right.count("Q") == 1
    assert float(left.split("L")[-1].split()[0]) == pytest.approx(
        curve.label.x - curve.label.width / 2 - 3, abs=0.1
    )
