"""A reader of pages: their elements, and the text that each of them shows."""

from html.parser import HTMLParser
from typing import NamedTuple

_EMPTY = {"meta", "input"}


class Element(NamedTuple):
    """An element of a page.

    Attributes:
      tag: its name.
      attributes: its attributes.
      parents: the elements around it, the outermost first.
      pieces: the pieces of text directly inside.
    """

    tag: str
    attributes: dict[str, str | None]
    parents: tuple["Element", ...]
    pieces: list[str]

    @property
    def classes(self) -> list[str]:
        """Returns the names of the element's classes."""
        return (self.attributes.get("class") or "").split()

    @property
    def text(self) -> str:
        """Returns the text directly inside."""
        return "".join(self.pieces)


class Page(HTMLParser):
    """The elements of a page, in order. Every element must be closed."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), tuple(self._open), [])
        assert len(element.attributes) == len(attrs), "an attribute occurs twice"
        self.elements.append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), tuple(self._open), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].pieces.append(data)

    def having(self, tag: str, name: str | None = None) -> list[Element]:
        """Returns the elements with a tag and optionally with a class."""
        return [e for e in self.elements if e.tag == tag and (name is None or name in e.classes)]

    def inside(self, outer: Element, tag: str, name: str | None = None) -> list[Element]:
        """Returns the elements inside another, with a tag and optionally with a class."""
        return [e for e in self.having(tag, name) if any(parent is outer for parent in e.parents)]
