"""Pages of HTML that show sentences with their entities and relations; needs the extra `page`.

A page is one file without any address: styles and script are inside, and its content security policy allows
only them. It stays usable up to about 10,000 sentences, because a browser draws only the visible ones.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.errors import InputError, missing_extra
from cman_jax.files import file_to_write, skip_bom
from cman_jax.page.annotated import Annotated, Link, read_record
from cman_jax.page.colours import colours
from cman_jax.page.drawing import Drawing, draw
from cman_jax.version import __version__

TEMPLATES = Path(__file__).parent / "templates"
_START = 1024  # bytes of a file, which say whether it is a page


class Side(NamedTuple):
    """One drawing of a sentence: its caption, the drawing, and its number on the page."""

    caption: str
    drawing: Drawing
    number: int


class Shown(NamedTuple):
    """A sentence as a page shows it.

    Attributes:
      id: the name of the sentence.
      sides: the drawings.
      errors: the outcome and the words of every error; empty without a comparison.
    """

    id: str
    sides: tuple[Side, ...]
    errors: tuple[tuple[str, str], ...] = ()


class Row(NamedTuple):
    """A row of the table of triples.

    Attributes:
      sentence: the number of the sentence, from 1 on.
      drawing: the number of the drawing with the link.
      link: index of the link.
      subject, type, object: the triple.
      outcome, probability: those of the link.
    """

    sentence: int
    drawing: int
    link: int
    subject: str
    type: str
    object: str
    outcome: str
    probability: float | None


def render(records: Iterable[Mapping[str, Any]], title: str = "Entities and relations") -> str:
    """Returns a page with the sentences, filters, and a table of all triples.

    Args:
      records: mappings in the form of `Record`; see `annotated.read_record`.
      title: the title of the page.

    Raises:
      InputError: a record has another form, or the extra `page` is not installed.
    """
    environment()
    sentences = [read_record(record, number) for number, record in enumerate(records, 1)]
    palette = Palette.of(sentences)
    shown = [
        Shown(s.id, (Side("", draw(s, palette.entities, palette.relations), number),))
        for number, s in enumerate(sentences)
    ]
    triples = [
        row_of(number, number - 1, index, sentence, link)
        for number, sentence in enumerate(sentences, 1)
        for index, link in enumerate(sentence.links)
    ]
    return page(title, shown, triples, palette)


def fragment(record: Mapping[str, Any]) -> str:
    """Returns a piece of HTML with one drawing, for notebooks; its style applies to the drawing only.

    Args:
      record: a mapping in the form of `Record`.

    Raises:
      InputError: as for `render`.
    """
    template = environment().get_template("fragment.html")
    sentence = read_record(record, 1)
    palette = Palette.of([sentence])
    drawn = draw(sentence, palette.entities, palette.relations)
    return template.render(drawn=drawn, css=asset("drawing.css"))


class Palette(NamedTuple):
    """The types on a page, with their colours and how often they occur."""

    entities: dict[str, int]
    relations: dict[str, int]
    entity_counts: Counter[str]
    relation_counts: Counter[str]

    @classmethod
    def of(cls, sentences: Iterable[Annotated]) -> "Palette":
        """Returns the palette of the types that occur in the sentences."""
        entities: Counter[str] = Counter()
        relations: Counter[str] = Counter()
        for sentence in sentences:
            entities.update(mention.type for mention in sentence.mentions)
            relations.update(link.type for link in sentence.links)
        return cls(colours(entities), colours(relations), entities, relations)


def row_of(number: int, drawing: int, index: int, sentence: Annotated, link: Link) -> Row:
    """Returns the table's row of a link."""
    subject, object_ = (sentence.mentions[i] for i in (link.subject, link.object))
    texts = (sentence.text[m.start : m.end] for m in (subject, object_))
    return Row(number, drawing, index, next(texts), link.type, next(texts), link.outcome, link.probability)


def page(
    title: str,
    sentences: Sequence[Shown],
    triples: Sequence[Row],
    palette: Palette,
    summary: Mapping[str, Any] | None = None,
) -> str:
    """Returns the page of drawn sentences.

    Args:
      title: the title.
      sentences: the sentences.
      triples: the rows of the table.
      palette: the types on the page.
      summary: the counts of a comparison; None: nothing is compared.
    """
    css, script = asset("drawing.css") + asset("page.css"), asset("common.js") + asset("page.js")
    middle = ["Outcome"] if summary else []
    return (
        environment()
        .get_template("page.html")
        .render(
            title=title,
            version=__version__,
            policy=policy(css, script),
            css=css,
            script=script,
            sentences=sentences,
            triples=triples,
            compared=summary is not None,
            summary=summary,
            columns=["Sentence", "Subject", "Relation", "Object", *middle, "Probability"],
            entity_types=_chips(palette.entity_counts, palette.entities),
            relation_types=_chips(palette.relation_counts, palette.relations),
        )
    )


def _chips(counts: Counter[str], colour_of: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Returns the types with their counts and colours, the most frequent first."""
    return [
        (name, count, colour_of[name]) for name, count in sorted(counts.items(), key=lambda c: (-c[1], c))
    ]


def policy(css: str, script: str) -> str:
    """Returns the content security policy of a page with one style sheet and one script.

    Args:
      css: the style sheet.
      script: the script.
    """
    sources = f"style-src {digest(css)}; script-src {digest(script)}"
    return f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"


def digest(text: str) -> str:
    """Returns the source expression of a content security policy that allows this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_to_write(path: Path) -> Path:
    """Returns the path of a page that will be written, and may replace an older page but no other file.

    Raises:
      InputError: something else than a page is there, such as an input; or the extra `page` is not installed.
    """
    environment()  # a missing extra is an error before the work, not after it
    if file_to_write(path).is_file():
        with path.open("rb") as file:
            start = file.read(_START)
        if start and not skip_bom(start).lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise InputError(
                path, None, "a file that is not a page", "a new file, or an older page to replace"
            )
    return path


@cache
def environment() -> Any:
    """Returns the Jinja2 environment, which escapes every value.

    Raises:
      InputError: the extra `page` is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise missing_extra("the page", "no Jinja2", "page") from None
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def asset(name: str) -> Any:
    """Returns a style sheet or script of the package, marked as text that is not escaped."""
    from markupsafe import Markup

    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))
