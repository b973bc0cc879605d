"""A page that shows gold and predicted annotation side by side, with every error; needs the extra `page`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.page.annotated import read_record
from cman_jax.page.drawing import draw
from cman_jax.page.html import Palette, Row, Shown, Side, environment, page, row_of
from cman_jax.page.outcomes import OUTCOMES, RULE, Compared, compare

COLUMN_WIDTH = 600.0
"""The width of a line in pixels, so that two columns fit on a screen."""


def render_comparison(
    pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]], title: str = "Gold and predicted"
) -> str:
    """Returns a page with the gold, the prediction and the errors of every sentence, and counts of all.

    Args:
      pairs: for every sentence the gold and the prediction, both in the form of `Record`; see
        `annotated.read_record`. Gold facts need no probability.
      title: the title of the page.

    Raises:
      InputError: a record has another form, the texts of a pair differ, or the extra `page` is not installed.
    """
    environment()
    compared = compare_pairs(pairs)
    palette, sentences = draw_pairs(compared)
    triples = [row for number, each in enumerate(compared) for row in _rows(each, number)]
    return page(title, sentences, triples, palette, _summary(compared))


def compare_pairs(pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[Compared]:
    """Returns the sentences with outcomes; the arguments and errors are those of `render_comparison`."""
    return [_compared(*pair, number) for number, pair in enumerate(pairs, 1)]


def draw_pairs(compared: Iterable[Compared]) -> tuple[Palette, list[Shown]]:
    """Returns the colours of the types, and the drawings of gold and prediction of every sentence."""
    compared = list(compared)
    palette = Palette.of(side for each in compared for side in (each.gold, each.predicted))
    sentences = []
    for number, each in enumerate(compared):
        sides = []
        for k, side in enumerate((each.gold, each.predicted)):
            drawn = draw(side, palette.entities, palette.relations, COLUMN_WIDTH)
            sides.append(Side(("Gold", "Predicted")[k], drawn, 2 * number + k))
        sentences.append(Shown(each.gold.id, tuple(sides), each.errors))
    return palette, sentences


def _compared(gold: Mapping[str, Any], predicted: Mapping[str, Any], number: int) -> Compared:
    """Returns both sides of a pair, compared."""
    sides = read_record(gold, number), read_record(predicted, number)
    if sides[0].text != sides[1].text:
        found = f"a prediction for the text {show(sides[1].text)}"
        raise InputError(f"record {number}", None, found, f"the gold's text {show(sides[0].text)}")
    return compare(*sides)


def _rows(compared: Compared, number: int) -> list[Row]:
    """Returns the table's rows of a sentence: all predicted triples, and those that were missed."""
    rows = []
    for k, side in enumerate((compared.gold, compared.predicted)):
        for index, link in enumerate(side.links):
            if k == 1 or link.outcome == "missed":
                rows.append(row_of(number + 1, 2 * number + k, index, side, link))
    return rows


def _summary(compared: Iterable[Compared]) -> dict[str, Any]:
    """Returns the counts of all sentences, and the rule they follow."""
    entities: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    for each in compared:
        entities.update(each.entities)
        relations.update(each.relations)
    rows = [
        (name, [(outcome, counts[outcome]) for outcome in OUTCOMES])
        for name, counts in (("Entities", entities), ("Relations", relations))
    ]
    return {"rule": RULE, "rows": rows}
