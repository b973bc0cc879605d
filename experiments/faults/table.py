"""The table of faults as Markdown, from the figures of a campaign, and its place in a document."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.errors import InputError
from cman_jax.files import read_json, read_text, write_atomically

_HEAD = "| fault | tried | what must hold | kept | what was seen |\n|---|---|---|---|---|"
_START, _END = "<!-- table of faults -->", "<!-- end of the table -->"


def markdown(summaries: Sequence[Mapping[str, Any]]) -> str:
    """Returns the table of the summaries of rows, as `campaign.summary` returns them."""
    return "\n".join((_HEAD, *map(_line, summaries)))


def read_summaries(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the summaries that a folder has, in the order of the names.

    Raises:
      InputError: a file is damaged.
    """
    return [read_json(path) for name in names if (path := folder / f"{name}.json").exists()]


def write_into(document: Path, table: str) -> None:
    """Replaces the table in a document.

    Raises:
      InputError: the document has no place for it.
    """
    before, start, rest = read_text(document).partition(_START)
    _, end, after = rest.partition(_END)
    if not end:
        raise InputError(document, None, "no place for the table", f"the lines {_START} and {_END}")
    write_atomically(document, f"{before}{start}\n{table}\n{end}{after}".encode())


def _line(summary: Mapping[str, Any]) -> str:
    """Returns the line of a row."""
    seen = [f"{number:,} {outcome}" for outcome, number in summary["outcomes"].items()]
    seen += [f"**{len(summary['broken'])} not kept**"] * bool(summary["broken"])
    cells = (
        summary["fault"],
        f"{summary['tried']:,}",
        summary["promise"],
        f"{summary['kept']:,}",
        "; ".join(seen).replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |"
