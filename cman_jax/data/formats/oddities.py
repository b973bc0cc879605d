"""What readers of annotated corpora return: sentences, and oddities that are not errors."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import Sentence

Link = tuple[int, int, str]

# Kinds of oddities of several formats.
ENTITY_TWICE = "an entity stated twice (kept once)"
RELATION_TWICE = "a relation stated twice (kept once)"
SELF = "a relation between an entity and itself (left out)"
OUTSIDE = "a relation that ends outside every entity (left out)"


def oddity_of_link(link: Link, earlier: Container[Link]) -> str | None:
    """Returns why a relation between two entities is left out; None: it is kept.

    Args:
      link: (subject, object, type), with equal entities as one.
      earlier: the earlier relations of the sentence.
    """
    if link[0] == link[1]:
        return SELF
    return RELATION_TWICE if link in earlier else None


class Oddity(NamedTuple):
    """One odd place in a file.

    Attributes:
      path: the file.
      line: number of the line.
      kind: a fixed phrase, by which oddities are counted. It says in brackets what the reader did.
      detail: the exact content of the place.
    """

    path: str
    line: int
    kind: str
    detail: str


class Place(NamedTuple):
    """A place in a file of annotated documents.

    Attributes:
      path: the file.
      line: number of the line.
      document: id of the document.
    """

    path: Path
    line: int
    document: str

    def error(self, found: str, expected: str) -> InputError:
        """Returns the error for this place."""
        return InputError(self.path, self.line, f"{found} in document {show(self.document)}", expected)

    def oddity(self, kind: str, detail: str) -> Oddity:
        """Returns an oddity of this place."""
        return Oddity(str(self.path), self.line, kind, f"document {self.document}, {detail}")


class Reading(NamedTuple):
    """The result of reading an annotated corpus.

    Attributes:
      sentences: all sentences, in order.
      oddities: everything that is odd but can be read. What is not in the sentences is named here.
      documents: the name of the document that each sentence comes from, so that a random split keeps the
        sentences of a document together.
    """

    sentences: Sequence[Sentence]
    oddities: list[Oddity]
    documents: Sequence[str]


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
