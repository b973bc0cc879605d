"""A small grammar that writes annotated sentences: how rules are spelled, read and expanded.

A grammar is text. `[symbol]` opens a symbol, every line below it is one way to write it; `3*` in front makes
a way three times as likely; a line that starts with `- ` is a list of one-word ways, and ` | ` separates
several ways on one line (an empty one writes nothing). In a way, `{symbol}` stands for another symbol and
`{s=symbol}` also names the entity that it writes; ` :: Kill s o ; Live_In s p` adds relations between named
entities. A symbol that is written as a phrase passes its entity named `h` on to the phrase around it.
"""

import random
import re
from bisect import bisect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from cman_jax.types import Entity, Relation

_WEIGHT = re.compile(r"(\d+)\*(.*)")
_SLOT = re.compile(r"\{(?:(\w+)=)?(\w+)\}")


class Rule(NamedTuple):
    """One way to write a symbol; `relations` holds (type, subject name, object name)."""

    weight: int
    text: str
    relations: tuple[tuple[str, str, str], ...] = ()


class Ways(NamedTuple):
    """All ways to write a symbol, with the running sums of their weights."""

    rules: tuple[Rule, ...]
    cumulative: tuple[int, ...]

    def draw(self, mark: float) -> Rule:
        """The way at `mark`, drawn uniformly from [0, 1)."""
        return self.rules[bisect(self.cumulative, mark * self.cumulative[-1])]


Grammar = Mapping[str, Ways]


def _parse_way(text: str) -> Rule:
    """Reads `3* {s=person} killed {o=person} :: Kill s o`."""
    body, _, annotation = text.partition("::")
    weighted = _WEIGHT.fullmatch(body.strip())
    weight, body = (int(weighted[1]), weighted[2]) if weighted else (1, body)
    relations = []
    for part in filter(None, map(str.strip, annotation.split(";"))):
        relation_type, subject, object_ = part.split()
        relations.append((relation_type, subject, object_))
    return Rule(weight, body.strip(), tuple(relations))


def parse_grammar(text: str) -> Grammar:
    """Reads a grammar from its text, in the format that this module describes."""
    ways: dict[str, list[Rule]] = {}
    symbol = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            symbol = line.strip("[]")
            ways[symbol] = []
        elif line.startswith("- "):
            ways[symbol] += [Rule(1, word) for word in line[2:].split()]
        else:
            ways[symbol] += [_parse_way(way) for way in line.split("|")]
    return {
        symbol: Ways(tuple(rules), tuple(accumulate(rule.weight for rule in rules)))
        for symbol, rules in ways.items()
    }


def write_text(grammar: Grammar, symbol: str, rng: random.Random) -> str:
    """Writes `symbol` as a plain string; slots may stand inside a word (`{stem}{ending}`)."""
    text = f"{{{symbol}}}"
    while slot := _SLOT.search(text):
        text = text[: slot.start()] + grammar[slot[2]].draw(rng.random()).text + text[slot.end() :]
    return text


@dataclass(slots=True)
class Draft:
    """A sentence that is being written."""

    tokens: list[str] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)

    def add_word(self, word: str) -> None:
        """Appends a token; a comma gives way to the punctuation after it, as at the end of an apposition."""
        if word in {",", "."} and self.tokens and self.tokens[-1] == ",":
            self.tokens.pop()
        self.tokens.append(word)

    def add_entity(self, tokens: list[str], entity_type: str) -> int:
        """Appends a mention and returns its index."""
        self.entities.append(Entity(len(self.tokens), len(self.tokens) + len(tokens), entity_type))
        self.tokens += tokens
        return len(self.entities) - 1


class Writer(NamedTuple):
    """Writes symbols into a draft; `make_name` supplies the mentions of the symbols in `entity_types`."""

    grammar: Grammar
    entity_types: Mapping[str, str]
    make_name: Callable[[str], str]
    rng: random.Random

    def write(self, draft: Draft, symbol: str) -> int | None:
        """Appends `symbol` to `draft` and returns the index of its head entity, None where it has none."""
        if symbol in self.entity_types:
            return draft.add_entity(self.make_name(symbol).split(), self.entity_types[symbol])
        rule = self.grammar[symbol].draw(self.rng.random())
        named: dict[str, int] = {}
        for word in rule.text.split():
            slot = _SLOT.fullmatch(word)
            if slot is None:
                draft.add_word(word)
                continue
            head = self.write(draft, slot[2])
            if slot[1] and head is not None:
                named[slot[1]] = head
        for relation_type, subject, object_ in rule.relations:
            draft.relations.append(Relation(named[subject], named[object_], relation_type))
        return named.get("h")
