"""Estimates of how wide a text is when it is displayed.

A drawing gives every piece of text the estimated width, so that it fits its place in any font.
"""

import unicodedata
from functools import lru_cache

_SPACE_TO_TILDE = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 "
    "556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 "
    "667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 "
    "556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_ASCII = {chr(32 + i): int(width) / 1000 for i, width in enumerate(_SPACE_TO_TILDE.split())}
"""Advance widths of Helvetica, which Arial and Liberation Sans share, as parts of the font size."""

_OTHER = 0.56
_JOINER = "\u200d"


def char_widths(text: str) -> list[float]:
    """Returns the width of every character as a part of the font size; marks that combine have none."""
    widths = [_char_width(char) for char in text]
    for index in range(1, len(text)):
        if text[index - 1] == _JOINER:  # an emoji that is drawn into the one before
            widths[index] = 0.0
    return widths


def text_width(text: str, size: float) -> float:
    """Returns the width of a text in a font size."""
    return sum(char_widths(text)) * size


def shortened(text: str, size: float, limit: float) -> str:
    """Returns the text, cut and with an ellipsis at its end if it is wider than the limit."""
    if text_width(text, size) <= limit:
        return text
    while text and text_width(text + "…", size) > limit:
        text = text[:-1]
    return text + "…"


@lru_cache(maxsize=4096)
def _char_width(char: str) -> float:
    """Returns the width of one character."""
    if char in _ASCII:
        return _ASCII[char]
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc") or "\U0001f3fb" <= char <= "\U0001f3ff":
        return 0.0  # also the modifiers of an emoji's colour
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    return _ASCII.get(unicodedata.normalize("NFD", char)[0], _OTHER)
