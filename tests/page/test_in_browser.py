"""Pages in a real browser: places on the screen, filters, sorting, keyboard, and no error."""

import re
from typing import Any

import pytest

from cman_jax.page.annotated import visible
from cman_jax.page.comparison import render_comparison
from cman_jax.page.html import fragment, render
from tests.page.hostile import TEXTS, records
from tests.page.test_html import RECORD


def record(
    number: int, text: str, spans: list[tuple[str, str, float]], relations: list[tuple]
) -> dict[str, Any]:
    """Returns a record from words with types and probabilities."""
    entities = [
        {
            "start_char": text.index(w),
            "end_char": text.index(w) + len(w),
            "type": t,
            "text": w,
            "probability": p,
        }
        for w, t, p in spans
    ]
    linked = [dict(zip(("subject", "object", "type", "probability"), r, strict=True)) for r in relations]
    return {"id": f"id-{number}", "text": text, "entities": entities, "relations": linked}


LONG = (
    "Jane Roe , who had worked for the Acme Corp. of Boston before it was sold , was born in a village near "
    "Oslo and came back to the country after thirty years with John Doe ."
)
RECORDS = [
    record(1, "Nobody came .", [], []),
    record(
        2,
        LONG,
        [
            ("Jane Roe", "Peop", 0.9),
            ("Acme Corp.", "Org", 0.8),
            ("Boston", "Loc", 0.7),
            ("Oslo", "Loc", 0.6),
            ("John Doe", "Peop", 0.5),
        ],
        [(0, 1, "Work_For", 0.9), (1, 2, "OrgBased_In", 0.3), (0, 3, "Live_In", 0.6), (4, 0, "Kill", 0.1)],
    ),
    record(3, "Ann left Oslo .", [("Ann", "Peop", 1.0), ("Oslo", "Loc", 0.4)], [(0, 1, "Live_In", 0.55)]),
]


def boxes(page: Any, selector: str) -> list[dict[str, Any]]:
    """Returns the places of elements on the screen, with their data attributes."""
    script = """all => all.map(e => { const b = e.getBoundingClientRect();
      const g = e.closest('g'); return {...(g ? g.dataset : {}), text: e.textContent,
      left: b.left, right: b.right, top: b.top, bottom: b.bottom}; })"""
    return page.eval_on_selector_all(selector, script)


def status(page: Any) -> str:
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.inner_text("#status")


def test_marks_are_around_their_words_and_arcs_touch_the_marks(show: Any) -> None:
    page = show(render(RECORDS))
    drawing = "#s2 .cman-drawing"
    marks = {(box["e"]): box for box in boxes(page, f"{drawing} .mark .box")}
    runs = {box["text"].strip(): box for box in boxes(page, f"{drawing} .run")}
    for index, entity in enumerate(RECORDS[1]["entities"]):
        mark, run = marks[str(index)], runs[entity["text"]]
        assert mark["left"] <= run["left"] + 1
        assert run["right"] <= mark["right"] + 1
        assert mark["top"] - 1 <= run["top"]
        assert run["bottom"] <= mark["bottom"] + 1
    starts, tips = (
        {box["l"]: (box, box[key]) for box in boxes(page, f"{drawing} .arc .{name}")}
        for name, key in (("start", "s"), ("tip", "o"))
    )
    assert len(starts) == len(tips) == 4
    for box, index in [*starts.values(), *tips.values()]:
        mark = marks[index]
        assert mark["left"] < (box["left"] + box["right"]) / 2 < mark["right"]
        assert abs(box["bottom"] - mark["top"]) < 3


def test_nothing_is_drawn_over_anything_else(show: Any) -> None:
    page = show(render(RECORDS))
    for number in (2, 3):
        drawing = f"#s{number} .cman-drawing"
        solid = [*boxes(page, f"{drawing} .label"), *boxes(page, f"{drawing} .run")]
        for k, a in enumerate(solid):
            for b in solid[:k]:
                apart = a["left"] >= b["right"] - 1 or b["left"] >= a["right"] - 1
                assert apart or a["top"] >= b["bottom"] - 3 or b["top"] >= a["bottom"] - 3, (a, b)


def test_the_threshold_hides_what_is_less_probable(show: Any) -> None:
    page = show(render(RECORDS))
    assert status(page) == "3 of 3 sentences, 7 entities, 5 triples"
    page.fill("#threshold", "0.55")
    # John Doe and the second Oslo are below, and so are their relations.
    assert status(page) == "3 of 3 sentences, 5 entities, 2 triples"
    assert page.inner_text("#at-least") == "0.55"
    assert page.locator("#s2 .arc:visible").count() == 2
    assert page.locator("#s3 .mark:visible").count() == 1
    page.check("#only")
    assert status(page) == "1 of 3 sentences, 4 entities, 2 triples"


def test_types_and_search_filter(show: Any) -> None:
    page = show(render(RECORDS))
    page.uncheck('.chip input[value="Live_In"]')
    assert status(page) == "3 of 3 sentences, 7 entities, 3 triples"
    page.uncheck('.chip input[value="Org"]')
    assert status(page) == "3 of 3 sentences, 6 entities, 1 triples"
    page.fill("#query", "ANN left")
    assert status(page) == "1 of 3 sentences, 2 entities, 0 triples"
    assert [page.is_visible(f"#s{number}") for number in (1, 2, 3)] == [False, False, True]
    page.fill("#query", "nowhere")
    assert status(page) == "0 of 3 sentences, 0 entities, 0 triples"
    assert page.is_visible(".nothing")


def column(page: Any, index: int) -> list[str]:
    return page.locator(f"#triples tbody tr:visible td:nth-child({index})").all_inner_texts()


def test_the_table_sorts_by_click_and_by_keyboard(show: Any) -> None:
    page = show(render(RECORDS))
    page.click("#tab-triples")
    page.click("th:nth-child(5) button")
    assert column(page, 5) == ["0.100", "0.300", "0.550", "0.600", "0.900"]
    page.focus("th:nth-child(5) button")
    page.keyboard.press("Enter")
    assert column(page, 5) == ["0.900", "0.600", "0.550", "0.300", "0.100"]
    assert page.get_attribute("th:nth-child(5)", "aria-sort") == "descending"
    page.click("th:nth-child(2) button")
    assert column(page, 2) == ["Acme Corp.", "Ann", "Jane Roe", "Jane Roe", "John Doe"]
    assert page.get_attribute("th:nth-child(5)", "aria-sort") == "none"
    page.click("#triples tbody tr:visible a >> nth=0")
    assert page.is_visible("#s2")
    assert page.evaluate("document.activeElement.dataset.d") == "1"


def test_the_shown_rows_are_copied_as_tsv(show: Any) -> None:
    page = show(render(RECORDS))
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async t => { copied = t; }}})"
    )
    page.fill("#threshold", "0.55")
    page.click("#tab-triples")
    status(page)
    page.click("#copy")
    page.wait_for_function("document.querySelector('#copied').textContent === 'Copied 2 triples'")
    assert page.evaluate("copied").splitlines() == [
        "Sentence\tSubject\tRelation\tObject\tProbability",
        "2\tJane Roe\tWork_For\tAcme Corp.\t0.900",
        "2\tJane Roe\tLive_In\tOslo\t0.600",
    ]


def test_probabilities_appear_by_pointer_and_by_keyboard(show: Any) -> None:
    page = show(render(RECORDS))
    page.hover("#s3 .mark >> nth=0")
    assert page.inner_text("#tip") == "Ann, Peop, probability 1.000"
    page.mouse.move(1, 790)
    assert not page.is_visible("#tip")
    page.focus("#s3 .cman-drawing")
    for words in ("Ann, Peop, probability 1.000", "Oslo, Loc, probability 0.400"):
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#tip") == words
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#tip") == "Ann → Live_In → Oslo, probability 0.550"
    assert page.locator("#s3 .mark.lit").count() == 2
    page.keyboard.press("Escape")
    assert not page.is_visible("#tip")


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Any, show: Any) -> None:
    page = show(render(RECORDS))
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    page.click("#theme")
    assert page.inner_text("#theme") == "Light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light
    page.click("#theme")
    page.emulate_media(color_scheme="light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_hostile_text_stays_text(show: Any) -> None:
    for page in (show(render(records(), TEXTS[1])), show(render_comparison([(r, r) for r in records()]))):
        page.click("#tab-triples")
        page.click("th:nth-child(2) button")
        assert page.evaluate("window.hacked") is None
        assert page.locator("script").count() == 1
        texts = page.eval_on_selector_all(
            ".cman-drawing",
            "all => all.map(d => [...d.querySelectorAll('.run')].map(r => r.textContent).join(''))",
        )
        assert list(dict.fromkeys(texts)) == list(map(visible, TEXTS))


def test_words_from_right_to_left_are_inside_their_marks(show: Any) -> None:
    text = "דנה גרה בחיפה ."
    spans = [("דנה", "Peop", 1.0), ("בחיפה", "Loc", 1.0)]
    page = show(render([record(1, text, spans, [(0, 1, "Live_In", 1.0)])]))
    runs = {box["text"].strip(): box for box in boxes(page, ".run")}
    for mark, (word, _, _) in zip(boxes(page, ".mark .box"), spans, strict=True):
        assert mark["left"] <= runs[word]["left"] + 1
        assert runs[word]["right"] <= mark["right"] + 1


def test_a_comparison_filters_sentences_with_errors(show: Any) -> None:
    page = show(render_comparison([(RECORD, RECORD), (RECORD, {**RECORD, "relations": []})]))
    assert status(page) == "2 of 2 sentences, 2 triples"
    page.check("#only")
    assert status(page) == "1 of 2 sentences, 1 triples"
    assert [page.is_visible(f"#s{number}") for number in (1, 2)] == [False, True]
    dashes = page.eval_on_selector("#s2 .arc.missed .line", "e => getComputedStyle(e).strokeDasharray")
    assert re.match(r"4(px)?, 3(px)?$", dashes)


def test_a_fragment_changes_nothing_around_it(show: Any) -> None:
    page = show(
        f"<!doctype html><p class='label'>A</p>{fragment(RECORD)}<svg><text class='label'>B</text></svg>"
    )
    weights = page.eval_on_selector_all(
        "p, body > svg text", "all => all.map(e => getComputedStyle(e).fontWeight)"
    )
    assert weights == ["400", "400"]
    assert page.eval_on_selector(".mark .label", "e => getComputedStyle(e).fontWeight") == "600"


@pytest.mark.usefixtures("unchecked")
def test_thousands_of_sentences_can_be_filtered(show: Any) -> None:
    page = show(render(RECORDS * 1000))
    assert status(page) == "3000 of 3000 sentences, 7000 entities, 5000 triples"
    page.fill("#threshold", "0.6")
    page.check("#only")
    assert status(page) == "1000 of 3000 sentences, 4000 entities, 2000 triples"
