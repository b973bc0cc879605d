"""What is odd in a raw corpus but no error: readers count it, programs print it, nothing is hidden."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Oddity(NamedTuple):
    """One odd place: `path:line`, its kind (a fixed phrase, to count by) and what exactly stands there."""

    path: str
    line: int
    kind: str
    detail: str


def describe_oddities(oddities: Iterable[Oddity], shown: int = 5) -> str:
    """A text for people: each kind with its count and its first `shown` places, one a line."""
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
    """How many oddities there are of each kind."""
    return Counter(oddity.kind for oddity in oddities)
