"""The settings of the site, which Sphinx reads: `make docs` builds it.

The sources are the Markdown files at the top of the checkout and in `docs/`, so that links between them hold.
A link to another file is a download. AutoAPI reads docstrings from the source code and imports nothing.
"""

import logging
import re
from pathlib import Path
from typing import Any

from cman_jax.version import __version__
from docs.site.navigation import NAVIGATION

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # it announces a new cache of fonts

ROOT = Path(__file__).resolve().parents[2]

project = "cman-jax"
release = __version__
root_doc = "README"
extensions = ["myst_parser", "autoapi.extension", "sphinx.ext.napoleon"]
include_patterns = ["*.md", "docs/**.md"]
exclude_patterns = [path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "docs"]
default_role = "code"  # docstrings write `name`
highlight_language = "none"  # of code blocks that name no language

myst_heading_anchors = 4  # links to headings work as they do in the repository

_DOCUMENTED = {
    "/".join(name.split(".")[:-1]) + ".py"
    for page in (ROOT / "docs" / "api").glob("*.md")
    for name in re.findall(r"^\.\. autoapi\w+:: ([\w.]+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
}
"""The files that pages in docs/api name; reading all files would take a minute."""

autoapi_dirs = [ROOT / "cman_jax"]
autoapi_ignore = [
    str(path)
    for path in (ROOT / "cman_jax").rglob("*.py")
    if path.name != "__init__.py" and path.relative_to(ROOT).as_posix() not in _DOCUMENTED
]
autoapi_generate_api_docs = False  # the pages in docs/api choose what is public
autoapi_add_toctree_entry = False
autodoc_member_order = "bysource"
add_module_names = False
napoleon_custom_sections = [("Keys", "params_style")]

suppress_warnings = ["autoapi.python_import_resolution"]  # of imports from files that are not read

html_theme = "furo"
html_title = f"cman-jax {release}"
html_copy_source = False
html_show_copyright = False
html_additional_pages = {"index": "to_the_start.html"}
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]

_EXAMPLE = re.compile(r"^<!-- example: ([\w.]+) -->$", re.MULTILINE)
_TYPE = re.compile(r"\b(?:[a-z_]+\.)+[A-Z]\w*")
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]+)\)")
_FRAME = """\
<iframe src="{path}" title="Example: {name}" loading="lazy"
 style="width: 100%; height: 30rem; border: 1px solid var(--color-background-border)"></iframe>
<p><a href="{path}">Open the example by itself.</a>
Its sentences are invented, and no network made its annotations.</p>
"""


def read_source(app: Any, page: str, content: list[str]) -> None:
    """Adds the navigation to the front page, and examples in place of comments such as `example: a.html`.

    Args:
      app: Sphinx.
      page: the page's path without the suffix.
      content: the page's text, which is replaced.
    """
    above = "../" * page.count("/")
    text = without_folders(content[0], (ROOT / page).parent)
    text = _EXAMPLE.sub(lambda found: _FRAME.format(path=f"{above}examples/{found[1]}", name=found[1]), text)
    content[0] = text + (navigation() if page == root_doc else "")


def navigation() -> str:
    """Returns the navigation as directives for Sphinx."""
    trees = []
    for caption, pages in NAVIGATION.items():
        entries = [f"{title} </{page}>" if title else f"/{page}" for page, title in pages.items()]
        trees.append(
            "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *entries, "```", ""])
        )
    return "".join(trees)


def without_folders(text: str, folder: Path) -> str:
    """Returns a page's text in which links to folders, which are not on the site, are their names.

    Args:
      text: the text.
      folder: the folder of the page.
    """
    return _LINK.sub(lambda found: found[1] if (folder / found[2]).is_dir() else found[0], text)


def shorten(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Returns a signature in which types have no module, but link to where they are described.

    Args:
      app, what, name, obj, options: as in the event `autodoc-process-signature`; they are not used.
      signature: the parameters in brackets; None: none are shown.
      returned: the type of what is returned; None: not shown.
    """
    del app, what, name, obj, options
    return tuple(text and _TYPE.sub(_without_module, text) for text in (signature, returned))


def _without_module(found: re.Match[str]) -> str:
    """Returns a type as Sphinx reads it: behind a tilde it shows the last name only, with a link."""
    return f"~{found[0]}" if found[0].startswith("cman_jax.") else found[0].rpartition(".")[2]


def write_examples(app: Any, error: Exception | None) -> None:
    """Writes the example pages beside the site.

    Args:
      app: Sphinx.
      error: what ended the build; None: nothing.
    """
    from docs.site.examples import write_examples  # imports much

    if error is None:
        write_examples(Path(app.outdir) / "examples")


def setup(app: Any) -> None:
    """Connects the functions of this file with Sphinx."""
    app.connect("source-read", read_source)
    app.connect("autodoc-process-signature", shorten)
    app.connect("build-finished", write_examples)
