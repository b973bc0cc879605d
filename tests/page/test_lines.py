"""Lines contain the whole text, fit the width, and their marks cover their mentions."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cman_jax.page.annotated import Mention
from cman_jax.page.lines import Line, break_lines, is_right_to_left, mirrored_line
from cman_jax.page.widths import text_width

WIDTH, SIZE = 120.0, 10.0


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, list[Mention]]:
    """A text with mentions, some of them overlapping."""
    text = draw(st.text("ab W漢\u0301", min_size=1, max_size=60))
    spans = draw(st.lists(st.tuples(*[st.integers(0, len(text) - 1)] * 2), max_size=5))
    return text, [Mention(min(span), max(span) + 1, "T") for span in spans]


@settings(deadline=None)
@given(texts(), st.floats(5, 200))
def test_lines_contain_everything_once(case: tuple[str, list[Mention]], label: float) -> None:
    text, mentions = case
    lines = break_lines(text, mentions, [label] * len(mentions), SIZE, WIDTH)
    assert "".join(run.text for line in lines for run in line.runs) == text
    for line in lines:
        for a, b in itertools.pairwise(line.runs):
            assert a.left + a.width <= b.left + 1e-6
        for a, b in itertools.combinations(line.segments, 2):
            apart = a.label_right <= b.label_left or b.label_right <= a.label_left
            assert a.row != b.row or apart
    marked = {segment.mention for line in lines for segment in line.segments}
    assert marked == set(range(len(mentions)))


@settings(deadline=None)
@given(texts())
def test_visible_text_fits_the_line_unless_a_character_does_not(case: tuple[str, list[Mention]]) -> None:
    text, mentions = case
    for line in break_lines(text, mentions, [20.0] * len(mentions), SIZE, WIDTH):
        shown = "".join(run.text for run in line.runs)
        if shown.strip() and not shown[0].isspace():
            last = [run for run in line.runs if run.text.strip()][-1]
            rest = text_width(last.text.rstrip(), SIZE)
            assert last.left + rest <= WIDTH + SIZE


def test_lines_break_after_spaces_and_inside_words_that_are_too_long() -> None:
    def shown(text: str) -> list[str]:
        return ["".join(run.text for run in line.runs) for line in break_lines(text, [], [], SIZE, WIDTH)]

    assert shown("Jane Roe works for Acme Corp. in Boston.") == [
        "Jane Roe works for Acme ",
        "Corp. in Boston.",
    ]
    assert shown("") == [""]
    assert shown("W" * 30) == ["W" * 12, "W" * 12, "W" * 6]


def test_a_mention_on_two_lines_has_a_segment_on_each() -> None:
    text = "Jane Roe works for Acme Corp. in Boston."
    lines = break_lines(text, [Mention(19, 29, "Org")], [20.0], SIZE, WIDTH)
    assert [[segment.mention for segment in line.segments] for line in lines] == [[0], [0]]


def test_a_segment_surrounds_its_text_without_the_space_behind() -> None:
    (line,) = break_lines("Ann left Oslo", [Mention(9, 13, "Loc")], [5.0], SIZE, WIDTH)
    (segment,) = line.segments
    run = line.runs[-1]
    assert run.text == "Oslo"
    assert segment.left == pytest.approx(run.left - 3)
    assert segment.right == pytest.approx(run.left + text_width("Oslo", SIZE) + 3)


def test_overlapping_mentions_have_labels_in_different_rows() -> None:
    mentions = [Mention(0, 17, "Org"), Mention(14, 17, "Loc")]
    (line,) = break_lines("University of Ann", mentions, [18.0, 18.0], SIZE, WIDTH)
    assert [segment.row for segment in line.segments] == [1, 0]


def test_the_first_letter_decides_the_direction() -> None:
    assert is_right_to_left("12 (שלום) Ann")
    assert is_right_to_left("مرحبا")
    assert not is_right_to_left("Ann said שלום")
    assert not is_right_to_left("12 . !")


def test_a_mirrored_line_keeps_distances() -> None:
    (line,) = break_lines("Ann left Oslo", [Mention(9, 13, "Loc")], [5.0], SIZE, WIDTH)
    mirrored = mirrored_line(line, WIDTH)
    assert mirrored.segments[0].right == WIDTH - line.segments[0].left
    assert mirrored.runs[0].left + mirrored.runs[0].width == pytest.approx(WIDTH)
    again = mirrored_line(mirrored, WIDTH)
    assert isinstance(again, Line)
    assert again.runs[1].left == pytest.approx(line.runs[1].left)
