"""A comparison shows both sides of every sentence, the errors, and their counts."""

import pytest

from cman_jax.errors import InputError
from cman_jax.page.annotated import visible
from cman_jax.page.comparison import render_comparison
from tests.page.hostile import TEXTS, records
from tests.page.reader import Page
from tests.page.test_html import RECORD, shown_texts


def without_relations(record: dict) -> dict:
    return {**record, "relations": []}


def counts(page: Page) -> list[list[str]]:
    table = page.having("table", "summary")[0]
    return [[td.text for td in page.inside(row, "td")] for row in page.inside(table, "tr")][1:]


def test_both_sides_and_the_errors_are_shown() -> None:
    page = Page(render_comparison([(RECORD, RECORD), (RECORD, without_relations(RECORD))]))
    assert shown_texts(page) == [RECORD["text"]] * 4
    assert [e.text for e in page.having("figcaption")] == ["Gold", "Predicted"] * 2
    assert counts(page) == [["4", "0", "0", "0"], ["1", "0", "1", "0"]]
    items = page.having("article", "sentence")
    assert ["data-errors" in item.attributes for item in items] == [False, True]
    assert [[b.text for b in page.inside(item, "li", "missed")] for item in items] == [[], [" "]]
    assert "Jane Roe [Peop] → Work_For → Acme Corp. [Org]" in [b.text for b in page.having("bdi")]
    rows = [row for row in page.having("tr") if "data-l" in row.attributes]
    assert [(row.attributes["data-d"], page.inside(row, "td")[4].text) for row in rows] == [
        ("1", "correct"),
        ("2", "missed"),
    ]


def test_the_outcome_is_told_without_colour() -> None:
    page = Page(render_comparison([(RECORD, without_relations(RECORD)), (without_relations(RECORD), RECORD)]))
    labels = [e.text for e in page.having("text", "label")]
    assert labels.count("✓ Peop") == 4
    assert labels.count("○ Work_For") == labels.count("✗ Work_For") == 1
    titles = [e.text for e in page.having("title")]
    assert "Jane Roe → Work_For → Acme Corp., missed, probability 0.750" in titles


def test_hostile_text_stays_text() -> None:
    page = Page(render_comparison([(r, without_relations(r)) for r in records()], TEXTS[1]))
    assert shown_texts(page) == [visible(text) for text in TEXTS for _ in range(2)]
    assert len(page.having("script")) == 1


def test_a_prediction_for_another_text_is_refused() -> None:
    with pytest.raises(InputError, match="record 1: found a prediction for the text 'Ann'"):
        render_comparison([(RECORD, {"text": "Ann", "entities": [], "relations": []})])
