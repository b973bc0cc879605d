"""The layout of relations as labelled arcs above the lines of a text.

An arc rises from its subject, runs level, and comes down at its object. Arcs may cross, but no two of them
share a stretch, labels are apart from each other, and an arc is interrupted where it would cross a label.
Heights are negative: they count upwards from the top of the marks.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

STEP = 19.0
"""The distance of two levels."""
FIRST = 17.0
"""The height of the lowest level."""
LABEL_HEIGHT = 13.0
GAP = 9.0
"""The least distance of arcs on the same level, and of upright strokes if the line has room."""

Point = tuple[float, float]
Stroke = tuple[Point, ...]
"""The corners of a connected part of an arc; every part is level or upright."""


class Box(NamedTuple):
    """The edges of the part of a mention on one line."""

    left: float
    right: float


class Connection(NamedTuple):
    """A relation to be drawn.

    Attributes:
      subject, object: the keys of the arguments' boxes.
      label_width: the width of the label.
    """

    subject: int
    object: int
    label_width: float


class Arc(NamedTuple):
    """The part of a connection on one line.

    Attributes:
      connection: index of the connection.
      level: the height in levels, from 1 on.
      label: the left and the right edge of the label.
      label_y: the height of the label's middle.
      strokes: what is to be drawn.
      start: where the arc leaves its subject; None: on another line.
      tip: where the arc reaches its object; None: on another line.
    """

    connection: int
    level: int
    label: tuple[float, float]
    label_y: float
    strokes: tuple[Stroke, ...]
    start: Point | None
    tip: Point | None


class _Piece(NamedTuple):
    """The part of a connection on one line before it has a place: the boxes at its ends.

    Attributes:
      left, right: the key of the box at this end; None: the arc runs to the line's edge.
      forward: whether the subject is left of the object.
    """

    connection: int
    left: int | None
    right: int | None
    forward: bool


class _Placed(NamedTuple):
    """A piece with its ends, its level and the edges of its label."""

    piece: _Piece
    left: float
    right: float
    level: int
    label: tuple[float, float]


def lay_out(
    lines: Sequence[Mapping[int, Box]], connections: Sequence[Connection], width: float
) -> list[list[Arc]]:
    """Returns the arcs of every line.

    A connection between two lines leaves the first line at its right edge, passes the lines between, and
    enters the last line at its left edge. Of arguments on several lines, the nearest parts are connected.

    Args:
      lines: for every line, the boxes by key; a box that is broken has parts on several lines.
      connections: the relations; the boxes of their arguments exist.
      width: the width of a line.
    """
    pieces: list[list[_Piece]] = [[] for _ in lines]
    for number, connection in enumerate(connections):
        for line, piece in _pieces(number, connection, lines):
            pieces[line].append(piece)
    return [
        _arcs_of_line(boxes, on_line, [c.label_width for c in connections], width)
        for boxes, on_line in zip(lines, pieces, strict=True)
    ]


def mirrored_arc(arc: Arc, width: float) -> Arc:
    """Returns the arc as it is drawn in a text from right to left."""

    def flipped(point: Point) -> Point:
        return (width - point[0], point[1])

    return arc._replace(
        label=(width - arc.label[1], width - arc.label[0]),
        strokes=tuple(tuple(map(flipped, stroke)) for stroke in arc.strokes),
        start=arc.start and flipped(arc.start),
        tip=arc.tip and flipped(arc.tip),
    )


def _pieces(
    number: int, connection: Connection, lines: Sequence[Mapping[int, Box]]
) -> list[tuple[int, _Piece]]:
    """Returns the pieces of a connection with their lines."""
    subject, object_ = connection.subject, connection.object
    places = [[i for i, boxes in enumerate(lines) if key in boxes] for key in (subject, object_)]
    first, last = min(itertools.product(*places), key=lambda pair: (abs(pair[0] - pair[1]), pair))
    if first == last:
        boxes = lines[first]
        forward = sum(boxes[subject]) <= sum(boxes[object_])
        left, right = (subject, object_) if forward else (object_, subject)
        return [(first, _Piece(number, left, right, forward))]
    forward = first < last
    upper, lower = (subject, object_) if forward else (object_, subject)
    top, bottom = min(first, last), max(first, last)
    between = [(line, _Piece(number, None, None, forward)) for line in range(top + 1, bottom)]
    ends = _Piece(number, upper, None, forward), _Piece(number, None, lower, forward)
    return [(top, ends[0]), *between, (bottom, ends[1])]


def _arcs_of_line(
    boxes: Mapping[int, Box], pieces: Sequence[_Piece], label_widths: Sequence[float], width: float
) -> list[Arc]:
    """Returns the arcs of one line."""
    ends = _ends(boxes, pieces, width)
    spans = [(ends.get((i, 0), 0.0), ends.get((i, 1), width)) for i in range(len(pieces))]
    waiting = sorted(range(len(pieces)), key=lambda i: (spans[i][1] - spans[i][0], spans[i], i))
    placed: list[_Placed] = []
    for position, index in enumerate(waiting):
        later = [x for i in waiting[position + 1 :] for x in _legs(pieces[i], spans[i])]
        label_width = min(label_widths[pieces[index].connection], width)
        placed.append(_place(pieces[index], spans[index], label_width, placed, later, width))
    return [_arc(each, placed) for each in sorted(placed, key=lambda each: each.piece.connection)]


def _ends(boxes: Mapping[int, Box], pieces: Sequence[_Piece], width: float) -> dict[tuple[int, int], float]:
    """Returns where the upright strokes are, by piece and side (0 left, 1 right).

    Strokes at one box are in the order that avoids crossings: to the left the nearest first, to the right
    the farthest first.
    """
    at: dict[int, list[tuple[tuple[int, float], tuple[int, int]]]] = {}
    for index, piece in enumerate(pieces):
        for side, (own, other) in enumerate(((piece.left, piece.right), (piece.right, piece.left))):
            if own is not None:
                edge = width if side == 0 else 0.0
                middle = edge if other is None else sum(boxes[other]) / 2
                distance = abs(middle - sum(boxes[own]) / 2)
                order = (1, -distance) if side == 0 else (0, distance)
                at.setdefault(own, []).append((order, (index, side)))
    wanted = []
    for key, ends in at.items():
        box, count = boxes[key], len(ends)
        gap = max(GAP, min(16.0, (box.right - box.left) / (count + 1)))
        for position, (_, end) in enumerate(sorted(ends)):
            wanted.append(((box.left + box.right) / 2 + gap * (position - (count - 1) / 2), end))
    wanted.sort(key=lambda each: each[0])
    places = _apart([x for x, _ in wanted], width)
    return {end: x for x, (_, end) in zip(places, wanted, strict=True)}


def _apart(wanted: Sequence[float], width: float) -> list[float]:
    """Returns rising numbers from 0 to `width` near the wanted ones, `GAP` apart if there is room."""
    gap = min(GAP, width / (len(wanted) + 1))
    places: list[float] = []
    for x in wanted:
        places.append(max(x, places[-1] + gap if places else gap / 2))
    limit = width - gap / 2
    for index in reversed(range(len(places))):
        places[index] = min(places[index], limit)
        limit = places[index] - gap
    return places


def _legs(piece: _Piece, span: tuple[float, float]) -> list[float]:
    """Returns the places of a piece's upright strokes."""
    return [x for key, x in zip((piece.left, piece.right), span, strict=True) if key is not None]


def _place(
    piece: _Piece,
    span: tuple[float, float],
    label_width: float,
    placed: Sequence[_Placed],
    later: Sequence[float],
    width: float,
) -> _Placed:
    """Returns a piece on the lowest level that has room for the arc and its label.

    Args:
      later: the upright strokes of the pieces that get their places later, probably on higher levels.
    """
    for level in itertools.count(1):
        above = [
            x for each in placed if each.level > level for x in _legs(each.piece, (each.left, each.right))
        ]
        label = _label(span, label_width, [*later, *above], width)
        low, high = min(span[0], label[0]) - GAP, max(span[1], label[1]) + GAP
        extents = [(min(p.left, p.label[0]), max(p.right, p.label[1])) for p in placed if p.level == level]
        if all(right < low or high < left for left, right in extents):
            return _Placed(piece, *span, level, label)
    raise AssertionError


def _label(
    span: tuple[float, float], label_width: float, obstacles: Sequence[float], width: float
) -> tuple[float, float]:
    """Returns the edges of a label: in the middle of its arc, or beside strokes that would cross it there."""
    middle, half = sum(span) / 2, label_width / 2
    inside = sorted(x for x in obstacles if span[0] < x < span[1])
    walls = [span[0], *inside, span[1]]
    rooms = [(a + half + 4, b - half - 4) for a, b in itertools.pairwise(walls)]
    centres = [min(max(middle, low), high) for low, high in rooms if low <= high]
    centre = min(centres, key=lambda x: abs(x - middle), default=middle)
    left = max(0.0, min(centre - half, width - label_width))
    return (left, left + label_width)


def height_of(level: int) -> float:
    """Returns the height of a level; 0 is the top of the marks."""
    return -(FIRST + STEP * (level - 1)) if level else 0.0


def _arc(placed: _Placed, others: Sequence[_Placed]) -> Arc:
    """Returns the arc of a placed piece."""
    piece, y = placed.piece, height_of(placed.level)
    sides = ((piece.left, placed.left, placed.label[0]), (piece.right, placed.right, placed.label[1]))
    strokes: list[Stroke] = []
    for sign, (key, x, edge) in zip((1, -1), sides, strict=True):
        beside = (edge - x) * sign > 0  # otherwise the label covers this end
        level = (((x, y), (edge, y)),) if beside else ()
        if key is None:
            strokes += level
            continue
        upright = _interrupted(x, y if beside else y + LABEL_HEIGHT / 2, placed.level, others)
        if beside:
            upright[-1] = (*upright[-1], (edge, y))
        strokes += upright
    points = [None if key is None else (x, 0.0) for key, x, _ in sides]
    start, tip = points if piece.forward else reversed(points)
    return Arc(piece.connection, placed.level, placed.label, y, tuple(strokes), start, tip)


def _interrupted(x: float, top: float, level: int, others: Sequence[_Placed]) -> list[Stroke]:
    """Returns the parts of an upright stroke from the mark to the top, without those inside labels."""
    crossed = sorted(
        each.level for each in others if each.level < level and each.label[0] - 1 <= x <= each.label[1] + 1
    )
    strokes, bottom = [], 0.0
    for lower in crossed:
        middle, half = height_of(lower), LABEL_HEIGHT / 2 + 1
        strokes.append(((x, bottom), (x, middle + half)))
        bottom = middle - half
    return [*strokes, ((x, bottom), (x, top))]
