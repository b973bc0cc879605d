"""A report shows all that it is called with: numbers as they are, hostile text as text, and nothing else."""

import re
import sys

import pytest

from cman_jax.errors import InputError
from cman_jax.page.annotated import visible
from cman_jax.page.report import Table, render_report
from tests.page.hostile import TEXTS, records
from tests.page.reader import Element, Page
from tests.page.reports import found, report
from tests.page.test_comparison import without_relations
from tests.page.test_html import RECORD, shown_texts

pytest.importorskip("matplotlib", reason="needs the extra plots")


@pytest.fixture(scope="module")
def shown() -> str:
    return render_report(report())


def plots(page: Page) -> list[str | None]:
    """Returns the words of every plot."""
    return [svg.attributes["aria-label"] for svg in page.having("svg", "plot")]


def cells(page: Page, table: Element) -> list[list[str]]:
    """Returns the cells of every row of a table's body."""
    found_rows = []
    for row in page.inside(page.inside(table, "tbody")[0], "tr"):
        of_row = [e for e in page.elements if e.tag in ("th", "td") and e.parents[-1] is row]
        found_rows.append([e.text or "".join(b.text for b in page.inside(e, "bdi")) for e in of_row])
    return found_rows


def test_every_section_shows_its_numbers(shown: str) -> None:
    page = Page(shown)
    assert [h.text for h in page.having("h2")] == [
        *("Training", "Scores", "Errors", "Probabilities", "Parts", "The worst sentences", "Errors")
    ]
    words = "\n".join(map(str, plots(page)))
    assert len(plots(page)) == 7
    assert "After the last epoch: entities 1; relations 4." in words  # no adversarial loss: it is always 0
    assert "12 predicted triples: expected calibration error 0.0625" in words
    assert "average precision 0.4321" in words
    assert "With the run's threshold 0.5, precision is 60.00 and recall 65.00" in words
    assert "highest micro F1 on these sentences is 66.00, at 0.3125" in words
    assert "0-9: NER 62.50; 0-9: RE 62.50" in words
    assert [b.text for b in page.having("b") if b.text == "62.50"]
    chosen = page.having("tr", "chosen")
    assert [page.inside(row, "bdi")[0].text for row in chosen] == ["strict"] * 4
    epochs = page.inside(page.having("details")[0], "table")[0]
    assert cells(page, epochs)[1] == ["2", "1.00", "4.00", "0.00", "50.00", "10.00", "5.00"]


def test_the_matrix_has_what_is_right_confused_missed_and_invented(shown: str) -> None:
    page = Page(shown)
    ner, re_ = page.having("table", "matrix")
    assert cells(page, ner) == [["Loc", "9", "3", "2"], ["Org", "", "9", ""], ["(nothing)", "1", "", ""]]
    assert cells(page, re_) == [["(nothing)", ""]]
    agreeing = [e.text for e in page.inside(ner, "td", "agree")]
    assert agreeing == ["9", "9", ""]


def test_the_worst_sentence_is_drawn_on_both_sides(shown: str) -> None:
    page = Page(shown)
    drawings = page.having("svg", "cman-drawing")
    texts = ["".join(run.text for run in page.inside(svg, "text", "run")) for svg in drawings]
    assert texts == [RECORD["text"]] * 2
    assert [page.inside(li, "bdi")[0].text for li in page.having("li", "missed")] == [
        "Jane Roe [Peop] → Work_For → Acme Corp. [Org]"
    ]


def test_a_page_is_whole_and_names_nothing_twice(shown: str) -> None:
    page = Page(shown)
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(set(ids)) == len(ids)
    links = [e.attributes["href"] for e in page.elements if "href" in e.attributes]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert not re.findall(r"https?:|@import|url\(|<[^>]* style=|None|nan", shown)
    regions = page.having("div", "wide")
    assert {(r.attributes["tabindex"], r.attributes["role"]) for r in regions} == {("0", "region")}


def test_without_relations_nothing_is_said_about_them() -> None:
    page = render_report(report(tasks=["ner"], worst=[]))
    body = page[page.index("<main>") : page.index('<h2 id="h-worst">')]
    assert not re.search(r"\bRE\b|relation|triple", body)
    assert len(plots(Page(page))) == 4
    assert "No sentence has an error." in page


def test_hostile_text_stays_text() -> None:
    table = Table(TEXTS[0], ("", TEXTS[1]), [(text, text) for text in TEXTS])
    hostile = report(
        title=TEXTS[2],
        tasks=["ner"],
        epochs=[],
        about=[("Epoch", TEXTS[3])],
        notes=TEXTS,
        conventions=table,
        found=found(*TEXTS),
        worst=[(r, without_relations(r)) for r in records()],
    )
    page = Page(render_report(hostile))
    notes = [b.text for p in page.having("p", "note") for b in page.inside(p, "bdi")]
    assert notes == [visible(text) for text in TEXTS]
    assert {visible(text) for text in TEXTS} <= {b.text for b in page.having("bdi")}
    assert len(page.having("script")) == len(page.having("style")) == 1
    names = {name for e in page.elements for name in e.attributes}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src")]
    drawings = [text for text in shown_texts(page) if text]
    assert drawings == [visible(text) for text in TEXTS for _ in range(2)]


@pytest.mark.parametrize(
    ("modules", "extras"),
    [(["jinja2"], "page"), (["matplotlib"], "plots"), (["jinja2", "matplotlib"], "page,plots")],
)
def test_missing_extras_are_named(monkeypatch: pytest.MonkeyPatch, modules: list[str], extras: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=re.escape(f"pip install 'cman-jax[{extras}]'")):
        render_report(report())
