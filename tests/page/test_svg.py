"""Plots inside a page have its colours, no style, no address, ids of their own, and the same bytes again."""

import re
import sys
from typing import Any

import pytest

from cman_jax.errors import InputError
from cman_jax.page.svg import inline_svg
from tests.page.reader import Page

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra plots")


def draw(axes: Any) -> None:
    axes.plot([1, 2, 3], [3, 1, 2], "o--", label="first")
    axes.bar([1, 2], [1, 2], yerr=[0.5, 0.5], capsize=3, label="second")
    axes.set(xlabel="what & <why>")
    axes.legend()


def test_a_plot_has_attributes_instead_of_styles_and_colours_of_the_page() -> None:
    text = inline_svg(draw, "curves", 'words "with" <signs>')
    page = Page(text)
    (svg,) = page.having("svg")
    assert (svg.attributes["role"], svg.attributes["aria-label"]) == ("img", 'words "with" <signs>')
    names = {name for element in page.elements for name in element.attributes}
    assert not names & {"style", "xmlns", "xlink:href", "clip-path"}
    assert not page.having("style")
    assert not page.having("metadata")
    assert not re.findall(r"https?:|url\(|#[0-9a-f]{6}", text)
    colours = {e.attributes.get(name) for e in page.elements for name in ("fill", "stroke")}
    assert colours == {None, "none", "currentColor", "var(--grid)", "var(--line-1)"}
    assert {"first", "second", "what & <why>"} <= {e.text for e in page.having("text")}
    assert "stroke-dasharray" in names


def test_the_ids_of_two_equal_plots_differ_and_lead_to_their_own_parts() -> None:
    ids = []
    for name in ("a", "b"):
        page = Page(inline_svg(draw, name, ""))
        own = {e.attributes["id"] for e in page.elements if "id" in e.attributes}
        used = {e.attributes["href"] for e in page.having("use")}
        assert used == {f"#{each}" for each in own}
        ids.append(own)
    assert ids[0]
    assert not ids[0] & ids[1]


def test_a_plot_is_the_same_whatever_the_user_s_settings_are() -> None:
    before = inline_svg(draw, "a", "")
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.hashsalt": "other"}):
        assert inline_svg(draw, "a", "") == before
        assert matplotlib.rcParams["font.size"] == 30


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=re.escape("pip install 'cman-jax[plots]'")):
        inline_svg(draw, "a", "")
