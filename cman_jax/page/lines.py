"""A text broken into lines, with the place of every piece of text and of every mention's mark."""

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from cman_jax.page.annotated import Mention
from cman_jax.page.widths import char_widths

PADDING = 3.0
"""Free space inside a mark, left and right of the mention."""
_MARGIN = PADDING + 2.0


class Run(NamedTuple):
    """A piece of text on one line, with the left edge and the width. No mention begins or ends inside."""

    text: str
    left: float
    width: float


class Segment(NamedTuple):
    """The part of a mention on one line, with its edges.

    Attributes:
      mention: index of the mention.
      left, right: the edges.
      row: the row of the label below the line; labels in the same row do not overlap.
      label_left, label_right: the edges of the label.
    """

    mention: int
    left: float
    right: float
    row: int
    label_left: float
    label_right: float


class Line(NamedTuple):
    """One line of a drawing."""

    runs: tuple[Run, ...]
    segments: tuple[Segment, ...]


def break_lines(
    text: str, mentions: Sequence[Mention], label_widths: Sequence[float], size: float, width: float
) -> list[Line]:
    """Returns the lines of a text.

    Args:
      text: the text.
      mentions: the mentions in the text; they may overlap.
      label_widths: the width of each mention's label.
      size: the font size.
      width: the width of a line. A line breaks after a space, or inside a word that is wider than a line.
    """
    advances = _advances(text, mentions, size)
    boundaries = {index for mention in mentions for index in (mention.start, mention.end)}
    lines = []
    for start, end in _line_ranges(text, advances, width):
        lefts, x = [], 0.0
        for index in range(start, end):
            before, own, after = advances[index]
            lefts.append(x + before)
            x += before + own + after
        cuts = [start, *(i for i in range(start + 1, end) if i in boundaries), end]
        runs = []
        for a, b in itertools.pairwise(cuts):
            if a < b:
                right = lefts[b - 1 - start] + advances[b - 1][1]
                runs.append(Run(text[a:b], lefts[a - start], right - lefts[a - start]))
        pieces = []
        for number, mention in enumerate(mentions):
            a, b = max(start, mention.start), min(end, mention.end)
            if not text[mention.start : mention.end].isspace():
                b -= len(text[a:b]) - len(text[a:b].rstrip())
            if a < b:
                right = lefts[b - 1 - start] + advances[b - 1][1]
                pieces.append((number, max(0.0, lefts[a - start] - PADDING), min(width, right + PADDING)))
        lines.append(Line(tuple(runs), _with_labels(pieces, label_widths, width)))
    return lines


def is_right_to_left(text: str) -> bool:
    """Returns whether the first letter with a direction is written from right to left."""
    directions = (unicodedata.bidirectional(char) for char in text)
    return next((kind in ("R", "AL") for kind in directions if kind in ("L", "R", "AL")), False)


def mirrored_line(line: Line, width: float) -> Line:
    """Returns a line of a text that is written from right to left, laid out from left to right."""
    runs = tuple(run._replace(left=width - run.left - run.width) for run in line.runs)
    segments = tuple(
        segment._replace(
            left=width - segment.right,
            right=width - segment.left,
            label_left=width - segment.label_right,
            label_right=width - segment.label_left,
        )
        for segment in line.segments
    )
    return Line(runs, segments)


def _advances(text: str, mentions: Sequence[Mention], size: float) -> list[tuple[float, float, float]]:
    """Returns the free space before, the width of and the free space after every character."""
    starts, ends = {m.start for m in mentions}, {m.end - 1 for m in mentions}
    return [
        (_MARGIN if index in starts else 0.0, char * size, _MARGIN if index in ends else 0.0)
        for index, char in enumerate(char_widths(text))
    ]


def _line_ranges(
    text: str, advances: Sequence[tuple[float, float, float]], width: float
) -> list[tuple[int, int]]:
    """Returns the characters of every line, as the first index and the index after the last."""
    ranges, start, x = [], 0, 0.0
    for match in re.finditer(r"\s+|\S+", text):
        word = sum(map(sum, advances[match.start() : match.end()]))
        if match.group().isspace() or x + word <= width:
            x += word
        else:
            if match.start() > start:
                ranges.append((start, match.start()))
                start, x = match.start(), 0.0
            for index in range(match.start(), match.end()):
                char = sum(advances[index])
                if x + char > width and index > start:
                    ranges.append((start, index))
                    start, x = index, 0.0
                x += char
    return [*ranges, (start, len(text))]


def _with_labels(
    pieces: Sequence[tuple[int, float, float]], label_widths: Sequence[float], width: float
) -> tuple[Segment, ...]:
    """Returns segments with labels, which are centred if the line has room, in as few rows as possible."""
    taken: list[list[tuple[float, float]]] = []
    segments = []
    for number, left, right in sorted(pieces, key=lambda piece: (piece[2] - piece[1], piece[1])):
        label = min(label_widths[number], width)
        label_left = max(0.0, min((left + right - label) / 2, width - label))
        low, high = min(left, label_left), max(right, label_left + label)
        row = next(
            (r for r, used in enumerate(taken) if all(high < a or b < low for a, b in used)), len(taken)
        )
        if row == len(taken):
            taken.append([])
        taken[row].append((low, high))
        segments.append(Segment(number, left, right, row, label_left, label_left + label))
    return tuple(sorted(segments, key=lambda segment: segment.mention))
