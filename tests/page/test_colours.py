"""Types have distinct colours while there are enough, and the style sheet defines them all."""

import re

from cman_jax.page.colours import COLOURS, colours
from cman_jax.page.html import TEMPLATES


def test_types_have_distinct_colours_while_there_are_enough() -> None:
    names = [f"type {number}" for number in range(COLOURS)]
    assert sorted(colours(names).values()) == list(range(COLOURS))
    assert colours(reversed(names)) == colours(names)
    assert len(colours([*names, "more", "\ud800"])) == COLOURS + 2


def test_the_style_sheets_define_every_colour() -> None:
    for name in ("drawing.css", "page.css"):
        sheet = (TEMPLATES / name).read_text()
        assert {int(number) for number in re.findall(r"\.k(\d+) \{ --hue", sheet)} == set(range(COLOURS))
