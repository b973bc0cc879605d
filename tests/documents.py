"""Reading of the project's documents: their commands, make targets, links and paths."""

import re
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
_AT_THE_TOP = ("README.md", "BUILD.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
_FOLDERS = ("cman_jax/", "data_prep/", "experiments/", "tests/", "docs/", ".ci/")
_FENCE = re.compile(r"^ *```")
_ENDS = ("|", "||", "&", "&&", ";", ">", ">>", "<")
_PROGRAM = re.compile(r"cman|python -m (cman_jax\.app|(experiments|data_prep)\.[\w.]+)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


class Document(NamedTuple):
    """A document in Markdown, without the code blocks and with them.

    Attributes:
      path: its file.
      prose: the text outside code blocks.
      code: the text inside code blocks.
    """

    path: Path
    prose: str
    code: str


class Block(NamedTuple):
    """A code block.

    Attributes:
      language: what stands behind its first fence, such as "python"; may be empty.
      text: its text.
    """

    language: str
    text: str


class Command(NamedTuple):
    """A command line of one of the project's programs.

    Attributes:
      words: the command line; it begins with "cman", or with "python", "-m" and a module.
      whole: whether it is a line of a code block, which a reader can copy. Otherwise flags may be left out.
    """

    words: tuple[str, ...]
    whole: bool


def documents(root: Path = ROOT) -> list[Document]:
    """Returns all documents of the project."""
    paths = [root / name for name in _AT_THE_TOP if (root / name).exists()]
    return [read(path) for path in [*paths, *sorted((root / "docs").rglob("*.md"))]]


def read(path: Path) -> Document:
    """Returns the document in a file."""
    prose, code, inside = [], [], False
    for line in path.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        else:
            (code if inside else prose).append(line)
    return Document(path, "\n".join(prose), "\n".join(code))


def blocks(document: Document) -> list[Block]:
    """Returns the code blocks of a document."""
    found = re.findall(
        r"^( *)```(\S*)\n(.*?)^ *```$", document.path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [Block(language, textwrap.dedent(text)) for _, language, text in found]


def commands(document: Document) -> list[Command]:
    """Returns the commands of a document: lines of code blocks, and texts between backticks."""
    lines = document.code.replace("\\\n", " ").splitlines()
    whole = [Command(words, True) for line in lines for words in _programs(line)]
    named = [Command(words, False) for text in _inline(document) for words in _programs(text)]
    return whole + [each for each in named if not any(word.isupper() for word in each.words)]


def _programs(line: str) -> Iterator[tuple[str, ...]]:
    """Yields the commands of the project's programs that a line of the shell contains."""
    if not re.search(r"\bcman\b|python3? -m ", line):
        return
    try:
        tokens = _tokens(line)
    except ValueError:  # a quotation mark without its partner: not a line of the shell
        return
    starts = [0, *(i + 1 for i, token in enumerate(tokens) if token in ("|", "||", "&&", ";"))]
    for start in starts:
        words = _until_end(tokens[start:])
        while words and re.match(r"\w+=", words[0]):  # variables of the environment
            words = words[1:]
        if words:
            words[0] = re.sub(r"^(.*/)?python3?$", "python", words[0].removeprefix(".venv/bin/"))
        if _PROGRAM.match(" ".join(words)) and words[0] in ("cman", "python"):
            yield tuple(words)


def _tokens(line: str) -> list[str]:
    """Returns the words and operators of a line of the shell, without its comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _until_end(tokens: Sequence[str]) -> list[str]:
    """Returns the words of the first command."""
    end = next((i for i, token in enumerate(tokens) if token in _ENDS), len(tokens))
    return list(tokens[:end])


def _inline(document: Document) -> list[str]:
    """Returns the texts between backticks."""
    return [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", document.prose)]


def make_targets(document: Document) -> set[str]:
    """Returns the targets of make that a document names."""
    texts = [*document.code.splitlines(), *_inline(document)]
    return {found[1] for text in texts if (found := re.match(r"\s*make ([a-z][\w-]*)", text))}


def defined_targets(root: Path = ROOT) -> set[str]:
    """Returns the targets of the Makefile."""
    return set(re.findall(r"^([a-z][\w-]*):", (root / "Makefile").read_text(), re.MULTILINE))


def flags(document: Document) -> set[str]:
    """Returns the names of flags that begin a text between backticks."""
    return {found[1] for text in _inline(document) if (found := re.match(r"--([a-z][\w.]*)", text))}


def broken_links(document: Document) -> list[str]:
    """Returns the links to files and headings that do not exist."""
    broken = []
    for target in _LINK.findall(re.sub(r"`[^`]*`", "", document.prose)):
        if re.match(r"[a-z]+:", target):  # an address
            continue
        name, _, heading = target.partition("#")
        file = document.path.parent / name if name else document.path
        if not file.exists() or (heading and heading not in _headings(file)):
            broken.append(target)
    return broken


def _headings(path: Path) -> set[str]:
    """Returns the names under which links find the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", read(path).prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def missing_paths(document: Document, root: Path = ROOT) -> list[str]:
    """Returns the paths between backticks that do not exist; a star, or NAME, stands for any name."""
    paths = [text for text in _inline(document) if re.fullmatch(r"[\w./*-]+", text)]
    inside = [text for text in paths if text.startswith(_FOLDERS) or text in _AT_THE_TOP]
    return [text for text in inside if not any(root.glob(text.rstrip("/").replace("NAME", "*")))]


def table(document: Document, heading: str) -> list[tuple[str, ...]]:
    """Returns the rows of the first table under a heading, without its head; cells have no backticks."""
    section = section_of(document, heading)
    lines = [line.strip()[1:-1] for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip(" `") for cell in line.split("|")) for line in lines[2:]]


def section_of(document: Document, heading: str) -> str:
    """Returns the text under a heading of the second level."""
    return document.prose.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
