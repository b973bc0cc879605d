"""A small grammar that writes annotated sentences: notation, parser and expansion of its rules.

A grammar is text in this notation:

  [symbol]                        starts a symbol; every line below it is one rule that can expand the symbol.
  3* text                         a rule that is drawn three times as often.
  - word word                     a list of rules with one word each.
  text | text                     several rules on one line; an empty rule writes nothing.
  {symbol}                        in a rule: expands another symbol at this place.
  {s=symbol}                      in a rule: also names the entity of that symbol `s`.
  :: Kill s o ; Live_In s p       at the end of a rule: relations between its named entities.

The head entity of a symbol is the entity that its rule names `h`. A rule around it refers to that entity.
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
    """A rule that expands a symbol.

    Attributes:
      weight: the relative frequency of the rule among the rules of its symbol.
      text: the words and slots.
      relations: the relations as (type, name of the subject, name of the object).
    """

    weight: int
    text: str
    relations: tuple[tuple[str, str, str], ...] = ()


class Ways(NamedTuple):
    """All rules that expand a symbol.

    Attributes:
      rules: the rules.
      cumulative: the cumulative sums of the rules' weights.
    """

    rules: tuple[Rule, ...]
    cumulative: tuple[int, ...]

    def draw(self, mark: float) -> Rule:
        """Returns the rule at a position among the cumulative weights.

        Args:
          mark: a number in [0, 1); a uniformly random one draws rules by their weights.
        """
        return self.rules[bisect(self.cumulative, mark * self.cumulative[-1])]


Grammar = Mapping[str, Ways]


def _parse_rule(text: str) -> Rule:
    """Parses a rule such as `3* {s=person} killed {o=person} :: Kill s o`."""
    body, _, annotation = text.partition("::")
    weighted = _WEIGHT.fullmatch(body.strip())
    weight, body = (int(weighted[1]), weighted[2]) if weighted else (1, body)
    relations = []
    for part in filter(None, map(str.strip, annotation.split(";"))):
        relation_type, subject, object_ = part.split()
        relations.append((relation_type, subject, object_))
    return Rule(weight, body.strip(), tuple(relations))


def parse_grammar(text: str) -> Grammar:
    """Parses a grammar.

    Args:
      text: the text of the grammar, in the notation of the module's docstring.
    """
    ways: dict[str, list[Rule]] = {}
    symbol = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            symbol = line.strip("[]")
            ways[symbol] = []
        elif line.startswith("- "):
            ways[symbol] += [Rule(1, word) for word in line[2:].split()]
        else:
            ways[symbol] += [_parse_rule(rule) for rule in line.split("|")]
    return {
        symbol: Ways(tuple(rules), tuple(accumulate(rule.weight for rule in rules)))
        for symbol, rules in ways.items()
    }


def write_text(grammar: Grammar, symbol: str, rng: random.Random) -> str:
    """Expands a symbol to a plain string; slots may be parts of a word (`{stem}{ending}`).

    Args:
      grammar: the grammar.
      symbol: the symbol to expand.
      rng: the source of random numbers.
    """
    text = f"{{{symbol}}}"
    while slot := _SLOT.search(text):
        text = text[: slot.start()] + grammar[slot[2]].draw(rng.random()).text + text[slot.end() :]
    return text


@dataclass(slots=True)
class Draft:
    """An unfinished sentence.

    Attributes:
      tokens: its tokens so far.
      entities: its entities so far.
      relations: its relations so far.
    """

    tokens: list[str] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)

    def add_word(self, word: str) -> None:
        """Appends a token; punctuation replaces a comma before it, as at the end of an apposition.

        Args:
          word: the token.
        """
        if word in {",", "."} and self.tokens and self.tokens[-1] == ",":
            self.tokens.pop()
        self.tokens.append(word)

    def add_entity(self, tokens: list[str], entity_type: str) -> int:
        """Appends an entity mention and returns the entity's index.

        Args:
          tokens: the tokens of the mention.
          entity_type: the type of the entity.
        """
        self.entities.append(Entity(len(self.tokens), len(self.tokens) + len(tokens), entity_type))
        self.tokens += tokens
        return len(self.entities) - 1


class Writer(NamedTuple):
    """A writer of symbols into a draft.

    Attributes:
      grammar: the grammar of sentences.
      entity_types: the entity type of each symbol that is an entity mention.
      make_name: returns the mention of such a symbol.
      rng: the source of random numbers.
    """

    grammar: Grammar
    entity_types: Mapping[str, str]
    make_name: Callable[[str], str]
    rng: random.Random

    def write(self, draft: Draft, symbol: str) -> int | None:
        """Appends a symbol to a draft and returns the index of its head entity, or None without a head.

        Args:
          draft: the draft.
          symbol: the symbol to expand.
        """
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
