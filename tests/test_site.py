"""The site shows every page, describes what the documents import, and has no broken link."""

import ast
import html.parser
import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tomllib
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from docs.site import examples
from docs.site.navigation import NAVIGATION
from tests import documents
from tests.documents import ROOT, Document

DOCUMENTS = documents.documents()
NAMES = [str(document.path.relative_to(ROOT)) for document in DOCUMENTS]
BY_NAME = dict(zip(NAMES, DOCUMENTS, strict=True))
PAGES = [page for pages in NAVIGATION.values() for page in pages]
OURS = ("cman_jax", "data_prep", "experiments")
NEEDS = {"cman_jax.app.beam": "apache_beam"}
TOOLS = ("sphinx", "myst_parser", "autoapi", "furo")

_SCORE = re.compile(r"(?<![\d.])\d+\.\d{2,3}(?![\d.])")
_DIRECTIVE = re.compile(r"^\.\. autoapi(\w+):: ([\w.]+)\n((?:   .*\n)*)", re.MULTILINE)


def described() -> dict[str, tuple[str, ...]]:
    """Returns the names that the pages on Python describe, with their described members."""
    found = {}
    for name, document in BY_NAME.items():
        for _, what, options in _DIRECTIVE.findall(document.path.read_text(encoding="utf-8")):
            members = re.search(r":members: (.+)", options)
            assert name.startswith("docs/api/")
            assert what not in found, f"{what} is described twice"
            found[what] = tuple(members[1].split(", ")) if members else ()
    return found


DESCRIBED = described()


def loaded(module: str) -> ModuleType:
    """Returns a module; skips the test if the module needs an extra that is not installed."""
    if module in NEEDS:
        pytest.importorskip(NEEDS[module], reason=f"{module} needs {NEEDS[module]}")
    return importlib.import_module(module)


def named(dotted: str) -> Any:
    """Returns the object with a dotted name, which may be a member of a class."""
    owner, _, name = dotted.rpartition(".")
    is_class = owner.rpartition(".")[2][0].isupper()
    return inspect.getattr_static(named(owner) if is_class else loaded(owner), name)


def imported(block: str) -> list[tuple[str, str]]:
    """Returns the modules and names that a block of Python imports from this project."""
    nodes = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in nodes if node.module.split(".")[0] in OURS]
    return [(node.module, alias.name) for node in ours for alias in node.names]


def blocks(language: str) -> list[Any]:
    """Returns the code blocks of all documents in a language, as parameters of tests."""
    return [
        pytest.param(block.text, id=f"{name}-{number}")
        for name, document in BY_NAME.items()
        for number, block in enumerate(documents.blocks(document), 1)
        if block.language == language
    ]


ALONE = [
    each
    for each in blocks("python")
    if re.search(r"import (?!tensor)", each.values[0]) and not re.search(r"load|runs/", each.values[0])
]
"""The blocks of Python that load neither a run nor a corpus."""


def test_the_side_bar_has_every_page_once() -> None:
    assert sorted([*PAGES, "README"]) == sorted(name.removesuffix(".md") for name in NAMES)


def test_every_code_block_names_a_language_that_is_checked_or_none() -> None:
    languages = {block.language for document in DOCUMENTS for block in documents.blocks(document)}
    assert languages == {"", "python", "json", "yaml", "{eval-rst}"}


@pytest.mark.parametrize("block", blocks("python"))
def test_a_block_of_python_imports_what_exists_and_is_described(block: str) -> None:
    for module, name in imported(block):
        assert hasattr(loaded(module), name)
        home = getattr(getattr(loaded(module), name), "__module__", module)
        assert f"{home}.{name}" in DESCRIBED


@pytest.mark.parametrize("block", ALONE)
def test_a_block_of_python_that_needs_no_run_works(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "block", "exec"), {"__name__": "block"})


@pytest.mark.parametrize("block", blocks("yaml"))
def test_a_block_of_yaml_is_yaml(block: str) -> None:
    assert all(yaml.safe_load_all(block))


@pytest.mark.parametrize("block", blocks("json"))
def test_a_block_of_json_is_json(block: str) -> None:
    decoder, rest = json.JSONDecoder(), block.strip()
    while rest:
        _, end = decoder.raw_decode(rest)
        rest = rest[end:].strip()


@pytest.mark.parametrize("name", NAMES)
def test_every_extra_exists(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = BY_NAME[name].code + BY_NAME[name].prose
    extras = {
        extra for names in re.findall(r"'(?:\.|cman-jax)\[([\w,]+)\]'", text) for extra in names.split(",")
    }
    assert extras <= set(project["optional-dependencies"])


def parameters(function: Any) -> list[str]:
    """Returns the parameters that a docstring has to explain."""
    function = getattr(function, "__func__", function)
    found = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in found if parameter.name not in ("self", "cls")]


def explained(docstring: str, section: str) -> set[str]:
    """Returns the names that a section of a docstring explains."""
    text = re.search(rf"^ *{section}:\n((?: +.*\n|\n)+)", inspect.cleandoc(docstring) + "\n", re.MULTILINE)
    lines = re.findall(r"^  ([\w*, ]+):", text[1] if text else "", re.MULTILINE)
    return {name.strip("* ") for line in lines for name in line.split(",")}


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_is_described_explains_its_parameters_and_attributes(name: str) -> None:
    for dotted in (name, *(f"{name}.{member}" for member in DESCRIBED[name])):
        found = named(dotted)
        assert found.__doc__, dotted
        if inspect.isclass(found):
            assert set(getattr(found, "_fields", ())) <= explained(found.__doc__, "Attributes"), dotted
        elif isinstance(found, property):  # the words before a colon would be shown as its type
            assert ":" not in found.__doc__.partition("\n")[0], dotted
        elif len(parameters(found)) > 1:  # one is named by the first line
            assert set(parameters(found)) <= explained(found.__doc__, "Args"), dotted


def test_the_model_cards_quote_scores_that_were_measured() -> None:
    measured = [document.prose for name, document in BY_NAME.items() if name.startswith("docs/results/")]
    quickstart = json.loads((ROOT / "docs/results/quickstart/scores.json").read_text())["test"]
    f1 = [quickstart[task]["strict"]["with_other"]["micro"]["f1"] for task in ("ner", "re")]
    known = set(_SCORE.findall("\n".join([*measured, *(f"{value:.2f}" for value in f1)])))
    quoted = _SCORE.findall(BY_NAME["docs/models.md"].prose)
    assert len(quoted) > 20
    assert set(quoted) <= known


def example_names(document: Document) -> list[str]:
    """Returns the examples that a document asks for."""
    return re.findall(r"^<!-- example: ([\w.]+) -->$", document.prose, re.MULTILINE)


def test_the_examples_are_those_that_documents_show(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    examples.write_examples(tmp_path)
    pages = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert sorted(pages) == sorted(name for document in DOCUMENTS for name in example_names(document))
    assert pages["report.html"].count(examples.SIMULATED) == 1
    for text in ("Work_For", "Port Ellery", "Otto Venn"):
        assert text in pages["found.html"]
    assert {"missed", "spurious", "wrong type"} <= set(
        re.findall(r"missed|spurious|wrong type", pages["errors.html"])
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; every warning of the build is an error."""
    for tool in TOOLS:
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"needs the extra docs ({tool} is missing)")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "-c", "docs/site"]
    done = subprocess.run(
        [*command, "-d", str(folder / "read"), ".", str(folder / "site")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "site"


class Links(html.parser.HTMLParser):
    """The names of a page's places, and the addresses that the page uses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps what an element has in `id`, `href` and `src`."""
        for name, value in attrs:
            if name == "id":
                self.places.add(value)
            elif name in ("href", "src"):
                self.targets.append(value)


def broken(site: Path) -> Iterator[str]:
    """Yields the links of a site that lead nowhere."""
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, links in pages.items():
        for target in links.targets:
            address = urllib.parse.urlsplit(target)
            file = (path.parent / urllib.parse.unquote(address.path)).resolve() if address.path else path
            place = urllib.parse.unquote(address.fragment)
            if address.scheme:
                continue
            if not file.is_file() or (place and file in pages and place not in pages[file].places):
                yield f"{path.relative_to(site)}: {target}"


def test_the_site_has_every_page_and_no_broken_link(site: Path) -> None:
    for page in ("index", "README", *PAGES):
        assert (site / f"{page}.html").is_file()
    assert not list(broken(site))


def test_the_site_shows_docstrings_and_examples(site: Path) -> None:
    page = (site / "docs" / "api" / "extractor.html").read_text(encoding="utf-8")
    assert 'id="cman_jax.inference.extractor.Extractor.load"' in page
    assert "the name of an installed model" in page
    page = (site / "docs" / "how-to" / "see.html").read_text(encoding="utf-8")
    assert re.findall(r'<iframe src="\.\./\.\./examples/(\w+)\.html"', page) == ["found", "errors", "report"]


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    assert not [
        found for page in pages for found in re.findall(r'(?:src|<link[^>]* href)="https?:[^"]*"', page)
    ]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="#x"><a href="#y"><a href="b.html"><a href="https://c.d">'
    )
    assert list(broken(tmp_path)) == ["a.html: #y", "a.html: b.html"]
