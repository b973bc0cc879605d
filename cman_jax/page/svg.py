"""Plots by Matplotlib as SVG inside a page; needs the extra `plots`.

A page's content security policy refuses style attributes, and a page has a light and a dark theme. So plots
are drawn in colours that stand for colours of the page, and styles become attributes of SVG. Equal data give
equal bytes.
"""

import importlib.util
import io
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

from cman_jax.errors import missing_extra

Draw = Callable[[Any], None]
"""A function that draws into Matplotlib's axes, such as those of `panels`."""

_INK, _GRID = "#010101", "#020202"  # not black, because Matplotlib leaves out the fill of black texts
_LINES = ("#030303", "#040404", "#050505")
_COLOURS = {
    _INK: "currentColor",
    "#000000": "currentColor",
    _GRID: "var(--grid)",
    **{line: f"var(--line-{number})" for number, line in enumerate(_LINES, 1)},
}
"""The colours of the page that Matplotlib's colours stand for; `templates/report.css` defines them."""

_KEPT = {"fill", "font-size", "font-weight", "opacity", "stroke", "text-anchor"}
"""The properties that are kept, besides all whose name begins with `fill-` or `stroke-`."""


def require_plots() -> None:
    """Raises an InputError if the extra `plots` is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise missing_extra("the plots", "no Matplotlib", "plots")


def inline_svg(draw: Draw, name: str, words: str, size: tuple[float, float] = (4.6, 3.1)) -> Any:
    """Returns a plot as an SVG element for a page, marked as text that is not escaped.

    Args:
      draw: draws the plot. All data must lie inside the axes, because nothing is clipped.
      name: begins the ids of the plot's parts; no other plot of the page may have it.
      words: the plot in words, for readers who do not see it.
      size: width and height in inches of 72 pixels.

    Raises:
      InputError: the extra `plots` is not installed.
    """
    require_plots()
    import matplotlib
    from markupsafe import Markup
    from matplotlib.figure import Figure

    file = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_style())
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(file.getvalue())
    return Markup(ElementTree.tostring(_cleaned(root, name, words), encoding="unicode"))


def _style() -> dict[str, Any]:
    """Returns Matplotlib's settings."""
    from cycler import cycler

    inks = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
    clear = ("axes.facecolor", "figure.facecolor", "savefig.facecolor")
    return {
        **dict.fromkeys(inks, _INK),
        **dict.fromkeys(clear, "none"),
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.linewidth": 0.7,
        "axes.prop_cycle": cycler(color=_LINES),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 9,
        "font.size": 9,
        "grid.color": _GRID,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "cman-jax",
    }


def _cleaned(root: ElementTree.Element, name: str, words: str) -> ElementTree.Element:
    """Returns Matplotlib's SVG without namespaces, styles, clipping and ids that nothing refers to."""
    used = {value[1:] for element in root.iter() for value in element.attrib.values() if value[:1] == "#"}
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style", "clipPath"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = dict(_attributes(element, name, used))
        element.attrib.clear()
        element.attrib.update(attributes)
        element.text = (element.text or "").strip()
        element.tail = ""
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update({"class": "plot", "viewBox": view, "role": "img", "aria-label": words})
    root.attrib["stroke-linejoin"] = "round"
    return root


def _attributes(element: ElementTree.Element, name: str, used: set[str]) -> Iterator[tuple[str, str]]:
    """Yields the attributes that an element keeps; properties of its style become attributes."""
    for key, value in element.attrib.items():
        key = _local(key)
        if key == "id":
            if value in used:
                yield key, f"{name}-{value}"
        elif key == "href":
            yield key, f"#{name}-{value[1:]}"
        elif key == "style":
            yield from _properties(value)
        elif key == "d":
            yield key, " ".join(_rounded(value).split())
        elif key in ("x", "y", "transform"):
            yield key, _rounded(value)
        elif key != "clip-path":
            yield key, value


def _properties(style: str) -> Iterator[tuple[str, str]]:
    """Yields the properties of a style that are kept, in the colours of the page."""
    for part in style.split(";"):
        name, _, value = (piece.strip() for piece in part.partition(":"))
        if name in _KEPT or name.startswith(("fill-", "stroke-")):
            yield name, _COLOURS.get(value, value)


def _rounded(numbers: str) -> str:
    """Returns numbers with at most two digits after the point."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", numbers)


def _local(name: str) -> str:
    """Returns the name of an element or an attribute without its namespace."""
    return name.rpartition("}")[2]
