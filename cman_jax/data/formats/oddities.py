"""Oddities of a raw corpus that are not errors. Readers collect all of them, and programs print them."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Oddity(NamedTuple):
    """One odd place in a file.

    Attributes:
      path: the file.
      line: number of the line.
      kind: a fixed phrase, by which oddities are counted.
      detail: the exact content of the place.
    """

    path: str
    line: int
    kind: str
    detail: str


def describe_oddities(oddities: Iterable[Oddity], shown: int = 5) -> str:
    """Returns a text for people, with the count and the first places of each kind, one place per line.

    Args:
      oddities: the oddities to describe.
      shown: the greatest number of places of each kind.
    """
    by_kind: dict[str, list[Oddity]] = {}
    for oddity in oddities:
        by_kind.setdefault(oddity.kind, []).append(oddity)
    if not by_kind:
        return "oddities: none"
    lines = ["oddities:"]
    for kind, members in by_kind.items():
        lines.append(f"  {len(members)} x {kind}")
        lines += [f"    {oddity.path}:{oddity.line}: {oddity.detail}" for oddity in members[:shown]]
        if len(members) > shown:
            lines.append(f"    ... and {len(members) - shown} more")
    return "\n".join(lines)


def count_kinds(oddities: Iterable[Oddity]) -> Counter[str]:
    """Returns the number of oddities of each kind."""
    return Counter(oddity.kind for oddity in oddities)
