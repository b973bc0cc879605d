"""Widths of texts are those of Helvetica, and of common scripts about right."""

import pytest

from cman_jax.page.widths import char_widths, shortened, text_width


def test_widths_are_those_of_helvetica() -> None:
    # From the font's metrics: H 722, e 556, l 222, o 556, space 278, W 944, tilde 584.
    assert text_width("Hello", 1000.0) == pytest.approx(722 + 556 + 222 + 222 + 556)
    assert text_width(" W~", 1000.0) == pytest.approx(278 + 944 + 584)


def test_an_accent_does_not_change_the_width() -> None:
    assert char_widths("é") == char_widths("e")
    assert text_width("e\u0301", 10.0) == text_width("e", 10.0)


def test_wide_characters_and_emoji_are_as_wide_as_high() -> None:
    assert char_widths("東京") == [1.0, 1.0]
    assert text_width("👍🏽", 1.0) == 1.0
    assert text_width("👩\u200d🔬", 1.0) == 1.0


def test_a_long_text_is_shortened_to_the_limit() -> None:
    assert shortened("Peop", 10.0, 100.0) == "Peop"
    cut = shortened("x" * 500, 10.0, 100.0)
    assert cut.endswith("x…")
    assert text_width(cut, 10.0) <= 100 < text_width(cut + "x", 10.0)
