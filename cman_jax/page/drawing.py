"""The drawing of one annotated text: where text, marks and arcs are, ready for the SVG template."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cman_jax.page.annotated import Annotated, Link, Mention
from cman_jax.page.arcs import LABEL_HEIGHT, Arc, Box, Connection, Stroke, height_of, lay_out, mirrored_arc
from cman_jax.page.lines import Line, Run, break_lines, is_right_to_left, mirrored_line
from cman_jax.page.widths import shortened, text_width

WIDTH = 860.0
"""The width of a line in pixels, which is about 110 characters."""
SIZE = 15.5
LABEL_SIZE = 10.5
_LABEL_LIMIT = 180.0
_MARK_HEIGHT, _BASELINE = 23.0, 16.5
_ROW = 14.0
_LINE_GAP = 9.0
_RADIUS = 6.0

SIGNS = {"correct": "✓ ", "wrong type": "≠ ", "missed": "○ ", "spurious": "✗ ", "": ""}
"""What a label begins with, by outcome, so that no outcome is told by colour only."""


class Label(NamedTuple):
    """The name of a type, with the place of its middle, its width and its height above the baseline."""

    text: str
    x: float
    y: float
    width: float


class Mark(NamedTuple):
    """The mark of a mention on one line.

    Attributes:
      index: index of the mention.
      mention: the mention.
      title: the mention in words.
      colour: the number of the colour.
      x, y, width, height: the box around the text.
      label: the type, below the box.
    """

    index: int
    mention: Mention
    title: str
    colour: int
    x: float
    y: float
    width: float
    height: float
    label: Label


class Curve(NamedTuple):
    """The arc of a link on one line.

    Attributes:
      index: index of the link.
      link: the link.
      title: the link in words.
      colour: the number of the colour.
      path: the strokes as SVG path data.
      start: where the arc begins; None: on another line.
      tip: where the arrow ends; None: on another line.
      label: the type, in the arc.
    """

    index: int
    link: Link
    title: str
    colour: int
    path: str
    start: tuple[float, float] | None
    tip: tuple[float, float] | None
    label: Label


class Drawing(NamedTuple):
    """Everything that the SVG of one text contains.

    Attributes:
      text: the whole text.
      width, height: the size.
      right_to_left: whether lines begin at the right.
      runs: the pieces of text, each with the height of its baseline.
      marks: the marks of the mentions.
      curves: the arcs of the links.
    """

    text: str
    width: float
    height: float
    right_to_left: bool
    runs: tuple[tuple[Run, float], ...]
    marks: tuple[Mark, ...]
    curves: tuple[Curve, ...]


def draw(
    annotated: Annotated,
    entity_colours: Mapping[str, int],
    relation_colours: Mapping[str, int],
    width: float = WIDTH,
) -> Drawing:
    """Returns the drawing of a text.

    Args:
      annotated: the text.
      entity_colours, relation_colours: the number of the colour by type.
      width: the width of a line.
    """
    text, mentions, links = annotated.text, annotated.mentions, annotated.links
    labels = [_label_text(fact) for fact in mentions]
    link_labels = [_label_text(fact) for fact in links]
    lines = break_lines(text, mentions, [_label_width(label) for label in labels], SIZE, width)
    boxes = [{s.mention: Box(s.left, s.right) for s in line.segments} for line in lines]
    connections = [
        Connection(link.subject, link.object, _label_width(label) + 6)
        for link, label in zip(links, link_labels, strict=True)
    ]
    backwards = is_right_to_left(text)
    runs: list[tuple[Run, float]] = []
    marks, curves, y = [], [], 0.0
    for line, arcs in zip(lines, lay_out(boxes, connections, width), strict=True):
        if backwards:
            line, arcs = mirrored_line(line, width), [mirrored_arc(arc, width) for arc in arcs]
        y += _room_above(arcs)
        runs += [(run, y + _BASELINE) for run in line.runs]
        marks += _marks(line, annotated, labels, entity_colours, y)
        curves += [_curve(arc, annotated, link_labels[arc.connection], relation_colours, y) for arc in arcs]
        y += _MARK_HEIGHT + _ROW * (1 + max((s.row for s in line.segments), default=-1)) + _LINE_GAP
    return Drawing(text, width, y, backwards, tuple(runs), tuple(marks), tuple(curves))


def _room_above(arcs: Sequence[Arc]) -> float:
    """Returns the height of a line's arcs."""
    highest = max((arc.level for arc in arcs), default=0)
    return LABEL_HEIGHT / 2 + 2 - height_of(highest) if highest else 2.0


def _label_text(fact: Mention | Link) -> str:
    """Returns what the label of an entity or a relation says."""
    return SIGNS[fact.outcome] + shortened(fact.type, LABEL_SIZE, _LABEL_LIMIT)


def _label_width(label: str) -> float:
    """Returns the width of a label; labels are semi-bold, hence wider than plain text."""
    return text_width(label, LABEL_SIZE) * 1.06


def in_words(annotated: Annotated, fact: Mention | Link) -> str:
    """Returns an entity or a relation with its probability in words."""
    if isinstance(fact, Mention):
        words = f"{annotated.text[fact.start : fact.end]}, {fact.type}"
    else:
        texts = [annotated.text[m.start : m.end] for m in annotated.mentions]
        words = f"{texts[fact.subject]} → {fact.type} → {texts[fact.object]}"
    outcome = f", {fact.outcome}" if fact.outcome else ""
    return words + outcome + ("" if fact.probability is None else f", probability {fact.probability:.3f}")


def _marks(
    line: Line, annotated: Annotated, labels: Sequence[str], colours: Mapping[str, int], y: float
) -> list[Mark]:
    """Returns the marks of a line whose boxes begin at the height `y`."""
    marks = []
    for segment in line.segments:
        mention, text = annotated.mentions[segment.mention], labels[segment.mention]
        middle = (segment.label_left + segment.label_right) / 2
        below = y + _MARK_HEIGHT + _ROW * segment.row + 10.5
        label = Label(text, middle, below, segment.label_right - segment.label_left)
        title = in_words(annotated, mention)
        box = (segment.left, y, segment.right - segment.left, _MARK_HEIGHT)
        marks.append(Mark(segment.mention, mention, title, colours[mention.type], *box, label))
    return marks


def _curve(arc: Arc, annotated: Annotated, label: str, colours: Mapping[str, int], y: float) -> Curve:
    """Returns the drawn arc above marks that begin at the height `y`."""
    link = annotated.links[arc.connection]
    middle, width = sum(arc.label) / 2, arc.label[1] - arc.label[0]
    placed = Label(label, middle, y + arc.label_y + 3.7, width - 6)
    path = " ".join(_path(stroke, y) for stroke in arc.strokes)
    start, tip = (None if end is None else (end[0], end[1] + y) for end in (arc.start, arc.tip))
    title = in_words(annotated, link)
    return Curve(arc.connection, link, title, colours[link.type], path, start, tip, placed)


def _path(stroke: Stroke, y: float) -> str:
    """Returns a stroke as SVG path data with round corners."""
    points = [(x, height + y) for x, height in stroke]
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_RADIUS, math.dist(before, corner), math.dist(corner, after))
        (ax, ay), (bx, by) = (_towards(corner, end, radius) for end in (before, after))
        parts.append(f"L{ax:.1f} {ay:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {bx:.1f} {by:.1f}")
    return "".join([*parts, f"L{points[-1][0]:.1f} {points[-1][1]:.1f}"])


def _towards(point: tuple[float, float], end: tuple[float, float], length: float) -> tuple[float, float]:
    """Returns the point this far away on a level or upright line."""
    (x, y), (end_x, end_y) = point, end
    return (x + max(-length, min(length, end_x - x)), y + max(-length, min(length, end_y - y)))
