"""Arcs join their boxes, and nothing that is drawn lies on anything else."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cman_jax.page.arcs import GAP, LABEL_HEIGHT, Arc, Box, Connection, lay_out

WIDTH = 400.0
Segment = tuple[tuple[float, float], tuple[float, float]]


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[dict[int, Box]], list[Connection]]:
    """Boxes on up to three lines, some of them broken or on top of each other, and connections."""
    count = draw(st.integers(1, 7))
    lines: list[dict[int, Box]] = [{} for _ in range(draw(st.integers(1, 3)))]
    for key in range(count):
        home = draw(st.integers(0, len(lines) - 1))
        for line in {home, min(home + draw(st.integers(0, 1)), len(lines) - 1)}:
            left = draw(st.floats(0, WIDTH - 60))
            lines[line][key] = Box(left, left + draw(st.floats(4, 60)))
    ends = st.integers(0, count - 1)
    connection = st.builds(Connection, ends, ends, st.floats(8, 90))
    return lines, draw(st.lists(connection, max_size=12))


def segments(arc: Arc) -> list[Segment]:
    return [pair for stroke in arc.strokes for pair in itertools.pairwise(stroke)]


def share_a_stretch(a: Segment, b: Segment) -> bool:
    """Whether two level or two upright strokes lie on each other for more than a point."""
    for axis in (0, 1):
        (p, q), (r, s) = ((sorted(point[axis] for point in each)) for each in (a, b))
        if p == q == r == s:
            other = 1 - axis
            (p, q), (r, s) = ((sorted(point[other] for point in each)) for each in (a, b))
            return max(p, r) < min(q, s)
    return False


def rectangle(arc: Arc) -> tuple[float, float, float, float]:
    return (arc.label[0], arc.label_y - LABEL_HEIGHT / 2, arc.label[1], arc.label_y + LABEL_HEIGHT / 2)


def enters(segment: Segment, box: tuple[float, float, float, float]) -> bool:
    """Whether a stroke has a point inside a rectangle."""
    (x0, x1), (y0, y1) = (sorted(point[axis] for point in segment) for axis in (0, 1))
    return x0 < box[2] and x1 > box[0] and y0 < box[3] and y1 > box[1]


@settings(max_examples=300, deadline=None)
@given(cases())
def test_nothing_lies_on_anything_else(case: tuple[list[dict[int, Box]], list[Connection]]) -> None:
    for arcs in lay_out(*case, WIDTH):
        for a, b in itertools.combinations(arcs, 2):
            assert not any(share_a_stretch(s, t) for s in segments(a) for t in segments(b))
            p, q = rectangle(a), rectangle(b)
            assert p[0] >= q[2] or q[0] >= p[2] or p[1] >= q[3] or q[1] >= p[3]
        for a, b in itertools.product(arcs, arcs):
            assert not any(enters(segment, rectangle(b)) for segment in segments(a))
        for arc in arcs:
            assert arc.label[0] >= 0
            assert arc.label[1] <= WIDTH
            assert all(0 <= x <= WIDTH and y <= 0 for stroke in arc.strokes for x, y in stroke)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_every_connection_has_one_start_and_one_tip(
    case: tuple[list[dict[int, Box]], list[Connection]],
) -> None:
    lines, connections = case
    arcs = [(line, arc) for line, on_line in enumerate(lay_out(*case, WIDTH)) for arc in on_line]
    for number, connection in enumerate(connections):
        own = [(line, arc) for line, arc in arcs if arc.connection == number]
        starts = [line for line, arc in own if arc.start is not None]
        tips = [line for line, arc in own if arc.tip is not None]
        assert len(starts) == len(tips) == 1
        assert connection.subject in lines[starts[0]]
        assert connection.object in lines[tips[0]]
        between = range(min(starts[0], tips[0]), max(starts[0], tips[0]) + 1)
        assert [line for line, _ in own] == list(between)


@settings(max_examples=300, deadline=None)
@given(st.permutations(range(6)), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=4))
def test_ends_are_at_their_boxes_where_boxes_have_room(
    order: list[int], pairs: list[tuple[int, int]]
) -> None:
    boxes = {key: Box(20 + 130.0 * place, 120 + 130.0 * place) for place, key in enumerate(order)}
    connections = [Connection(subject, object_, 40.0) for subject, object_ in pairs]
    (arcs,) = lay_out([boxes], connections, 800.0)
    for arc in arcs:
        subject, object_ = (boxes[key] for key in connections[arc.connection][:2])
        assert subject.left < arc.start[0] < subject.right
        assert object_.left < arc.tip[0] < object_.right
        ends = {point for stroke in arc.strokes for point in stroke}
        assert {arc.start, arc.tip} <= ends


def test_nested_relations_nest() -> None:
    boxes = {key: Box(100.0 * key, 100.0 * key + 60) for key in range(4)}
    outer, inner = Connection(0, 3, 40.0), Connection(2, 1, 40.0)
    (arcs,) = lay_out([boxes], [outer, inner], WIDTH)
    assert [arc.level for arc in arcs] == [2, 1]
    assert arcs[0].start[0] < arcs[1].tip[0] < arcs[1].start[0] < arcs[0].tip[0]


def test_arcs_that_are_apart_share_a_level() -> None:
    boxes = {key: Box(100.0 * key, 100.0 * key + 60) for key in range(4)}
    (arcs,) = lay_out([boxes], [Connection(0, 1, 20.0), Connection(2, 3, 20.0)], WIDTH)
    assert [arc.level for arc in arcs] == [1, 1]


def test_arcs_at_one_box_do_not_cross() -> None:
    boxes = {key: Box(100.0 * key, 100.0 * key + 60) for key in range(4)}
    (arcs,) = lay_out([boxes], [Connection(0, key, 20.0) for key in (1, 2, 3)], WIDTH)
    starts = [arc.start[0] for arc in arcs]
    assert starts[0] - starts[1] >= GAP
    assert starts[1] - starts[2] >= GAP


def test_a_label_keeps_out_of_the_way_of_strokes_where_it_can() -> None:
    boxes = {key: Box(160.0 * key, 160.0 * key + 40) for key in range(4)}
    # The lower arc's label would be where the upper arc comes down.
    (arcs,) = lay_out([boxes], [Connection(0, 2, 60.0), Connection(1, 3, 60.0)], 600.0)
    assert [arc.level for arc in arcs] == [1, 2]
    (start, _), (other_start, _) = arcs[0].start, arcs[1].start
    assert arcs[0].label[1] < other_start - 3
    assert sum(arcs[0].label) / 2 == pytest.approx((start + arcs[0].tip[0]) / 2, abs=60)
    assert all(len(arc.strokes) == 2 for arc in arcs)


def test_a_crowded_label_interrupts_the_strokes_that_pass_it() -> None:
    boxes = {0: Box(0, 40), 1: Box(50, 90), 2: Box(100, 140), 3: Box(300, 340)}
    connections = [Connection(0, 2, 120.0), Connection(1, 3, 20.0)]
    (arcs,) = lay_out([boxes], connections, WIDTH)
    assert [arc.level for arc in arcs] == [1, 2]
    assert len(arcs[1].strokes) == 3


def test_a_relation_across_lines_runs_from_edge_to_edge() -> None:
    lines = [{0: Box(50, 90)}, {}, {1: Box(200, 250)}]
    first, middle, last = (arcs[0] for arcs in lay_out(lines, [Connection(1, 0, 30.0)], WIDTH))
    assert (first.start, last.tip) == (None, None)
    assert first.tip == (pytest.approx(70), 0.0)
    assert last.start == (pytest.approx(225), 0.0)
    assert {x for stroke in middle.strokes for x, _ in stroke} >= {0.0, WIDTH}
