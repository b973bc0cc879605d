"""A report in a real browser: no text of it runs, both themes have their colours, nothing is cut off."""

from typing import Any

import pytest

from cman_jax.page.annotated import visible
from cman_jax.page.report import render_report
from tests.page.hostile import TEXTS, records
from tests.page.reports import report

pytest.importorskip("matplotlib", reason="needs the extra plots")


def test_a_report_runs_nothing_of_its_texts_and_draws_in_both_themes(show: Any) -> None:
    page = show(render_report(report(title=TEXTS[1], notes=TEXTS, worst=[(r, r) for r in records()[:3]])))
    assert page.evaluate("window.hacked") is None
    assert page.locator("script").count() == 1
    assert page.locator(".note bdi").all_text_contents() == list(map(visible, TEXTS))
    inks = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        inks.append(
            [
                page.eval_on_selector(
                    f".plot {part}", "e => getComputedStyle(e).fill + getComputedStyle(e).stroke"
                )
                for part in ("text", "[stroke='var(--line-1)']", "[stroke='var(--grid)']")
            ]
        )
    assert all(a != b for a, b in zip(*inks, strict=True))
    for plot, text in page.eval_on_selector_all(
        ".plot text",
        "all => all.map(e => [e.ownerSVGElement, e].map(x => x.getBoundingClientRect().toJSON()))",
    ):
        assert plot["left"] <= text["left"]
        assert text["right"] <= plot["right"]
        assert plot["top"] - 1 <= text["top"]
        assert text["bottom"] <= plot["bottom"] + 1
    page.focus("#s1 .cman-drawing")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#tip")
    page.click("nav a >> text=Errors")
    assert page.evaluate("location.hash") == "#errors"
