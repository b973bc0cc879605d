"""The colours of types on a page."""

from collections.abc import Iterable
from zlib import crc32

COLOURS = 12
"""The number of colours; `templates/drawing.css` defines them as the classes `k0`, `k1`, ..."""


def colours(types: Iterable[str]) -> dict[str, int]:
    """Returns the colour of every type: distinct while there are enough, and mostly the same everywhere."""
    chosen: dict[str, int] = {}
    for name in sorted(set(types)):
        first = crc32(name.encode("utf-8", "replace")) % COLOURS
        taken = set(chosen.values()) if len(chosen) < COLOURS else set()
        chosen[name] = next(
            (first + k) % COLOURS for k in range(COLOURS) if (first + k) % COLOURS not in taken
        )
    return chosen
