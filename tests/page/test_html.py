"""A page shows every text as text, every fact once in the table, and lets nothing else in."""

import base64
import hashlib
import json
import re
import sys

import pytest

from cman_jax.errors import InputError
from cman_jax.page import html
from cman_jax.page.annotated import visible
from cman_jax.page.html import fragment, render
from tests.page.hostile import TEXTS, records
from tests.page.reader import Page

RECORD = {
    "id": "7",
    "text": "Jane Roe works for Acme Corp.",
    "tokens": ["Jane", "Roe", "works", "for", "Acme", "Corp."],
    "entities": [
        {
            "start": 0,
            "end": 2,
            "type": "Peop",
            "start_char": 0,
            "end_char": 8,
            "text": "Jane Roe",
            "probability": 0.9,
        },
        {"start": 4, "end": 6, "type": "Org", "start_char": 19, "end_char": 29, "text": "Acme Corp."},
    ],
    "relations": [{"subject": 0, "object": 1, "type": "Work_For", "probability": 0.75}],
}


def shown_texts(page: Page) -> list[str]:
    """Returns the text that each drawing shows."""
    drawings = page.having("svg")
    return ["".join(run.text for run in page.inside(drawing, "text", "run")) for drawing in drawings]


def test_a_page_shows_text_marks_arcs_and_triples() -> None:
    page = Page(render([RECORD], "A & B"))
    assert shown_texts(page) == [RECORD["text"]]
    titles = [title.text for title in page.having("title")]
    assert titles == [
        "A & B",
        "Jane Roe, Peop, probability 0.900",
        "Acme Corp., Org",
        "Jane Roe → Work_For → Acme Corp., probability 0.750",
    ]
    table = page.having("tbody")[0]
    cells = [(e.text or "".join(b.text for b in page.inside(e, "bdi"))) for e in page.inside(table, "td")]
    assert cells == ["", "Jane Roe", "Work_For", "Acme Corp.", "0.750"]
    assert [a.text for a in page.inside(table, "a")] == ["1"]
    assert [e.attributes["value"] for e in page.having("input") if "value" in e.attributes] == [
        "0",
        "Org",
        "Peop",
        "Work_For",
    ]


def test_hostile_text_stays_text() -> None:
    page = Page(render(records(), TEXTS[0]))
    assert shown_texts(page) == [visible(text) for text in TEXTS]
    assert [e.attributes["aria-label"] for e in page.having("svg")] == [visible(text) for text in TEXTS]
    names = [b.text for p in page.having("p", "name") for b in page.inside(p, "bdi")]
    assert names == [visible(f"{text} {number}") for number, text in enumerate(TEXTS)]
    assert page.inside(page.having("h1")[0], "bdi")[0].text == TEXTS[0]
    types = {e.attributes["data-type"] for e in page.having("g")}
    assert types == {visible(text) for text in TEXTS[:10]}


def test_hostile_text_adds_no_element_and_no_attribute() -> None:
    safe = [dict(record, id="1", text="x" * len(record["text"])) for record in records()]
    allowed = {(e.tag, name) for e in Page(render(safe)).elements for name in e.attributes}
    page = Page(render(records(), TEXTS[1]))
    found = {(e.tag, name) for e in page.elements for name in e.attributes}
    assert found - allowed <= {("text", "direction"), ("text", "text-anchor")}
    assert len(page.having("script")) == len(page.having("style")) == 1
    assert not [name for _, name in found if name.startswith("on") or name in ("style", "src", "srcset")]
    assert {e.attributes["href"] for e in page.having("a")} == {f"#s{k + 1}" for k in range(len(TEXTS))}


def test_the_policy_allows_the_page_s_own_style_and_script_only() -> None:
    page = Page(render([RECORD]))
    (policy,) = [e.attributes["content"] for e in page.having("meta") if "http-equiv" in e.attributes]

    def digest(tag: str) -> str:
        (element,) = page.having(tag)
        return base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()

    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest('style')}'",
        f"script-src 'sha256-{digest('script')}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert not re.findall(r"https?:|@import|url\(", render([RECORD]))


def test_a_page_without_records_is_a_page() -> None:
    page = Page(render([]))
    assert not page.having("svg")
    assert Page(render([{"id": "1", "text": "", "entities": [], "relations": []}])).having("svg")


def test_a_page_can_be_written_as_utf_8() -> None:
    render(records()).encode()
    json.dumps(render(records()))


def test_a_bad_record_is_named() -> None:
    with pytest.raises(InputError, match="record 2: found no 'text'"):
        render([RECORD, {"entities": [], "relations": []}])


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    html.environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=re.escape("pip install 'cman-jax[page]'")):
        render([RECORD])


def test_a_fragment_styles_nothing_but_itself() -> None:
    page = Page(fragment(RECORD))
    assert shown_texts(page) == [RECORD["text"]]
    assert [e.tag for e in page.elements][:3] == ["div", "style", "svg"]
    assert not page.having("script")
    sheet = re.sub(r"/\*.*?\*/", "", page.having("style")[0].text)
    rules = re.sub(r"\{[^}]*\}", ",", sheet).split(",")
    selectors = [rule.strip() for rule in rules if rule.strip()]
    assert len(selectors) > 20
    assert all(selector.startswith(".cman-drawing") for selector in selectors)
    assert not [e for e in page.elements if "id" in e.attributes]


@pytest.mark.parametrize("record", records(), ids=range(len(TEXTS)))
def test_a_hostile_fragment_stays_text(record: dict) -> None:
    assert shown_texts(Page(fragment(record))) == [visible(record["text"])]
