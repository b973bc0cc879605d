"""The report as Markdown, from the data of `tables.py` and `figures.py`.

It shows the published numbers, ours, their difference, the settings, notes, and the commands of missing runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.reproduction.comparison import SYSTEMS
from experiments.reproduction.published import TITLES
from experiments.reproduction.tables import TASKS

_BLANK = ""


def render(document: Mapping[str, Any]) -> str:
    """Returns the whole report.

    Args:
      document: the budget, its description, and the data of each table and figure by its name.
    """
    parts = [f"# Reproduction with the budget {document['budget']}\n\n{document['about']}\n"]
    for name in TITLES:
        if part := document.get(name):
            parts.append(render_table(part) if name.startswith("table") else render_figure(name, part))
    return "\n".join(parts)


def render_table(table: Mapping[str, Any]) -> str:
    """Returns one of Tables 1 to 4; a cell holds F1 in %, of entities / relations.

    Args:
      table: the result of `tables.make_table`.
    """
    header = ("", "published", "ours, NER", "ours, RE", "difference", "setting")
    blocks = [_head(table), _grid(header, map(_table_row, table["rows"])), _notes(table["notes"])]
    for panel in table.get("comparison", ()):
        blocks.append(
            f"CMAN compared with Multi-head + AT, {_panel_name(panel)}:\n\n{_bins_grid(panel['bins'], {})}"
        )
    return "\n".join([*blocks, _conventions(table["rows"]), _missing(table["missing"])])


def render_figure(name: str, figure: Mapping[str, Any]) -> str:
    """Returns Figure 4 or 5: a link to its plot, if it has panels, and its numbers.

    Args:
      name: "figure4" or "figure5".
      figure: the result of `figures.make_figure`.
    """
    blocks = [_head(figure)]
    if figure["panels"]:
        blocks.append(f"![{figure['title']}]({name}.png)\n")
    for panel in figure["panels"]:
        grid = _bins_grid(panel["bins"], figure["published_gains"])
        blocks.append(f"{_panel_name(panel).capitalize()}:\n\n{grid}")
    return "\n".join([*blocks, _notes(figure["notes"]), _missing(figure["missing"])])


def _head(part: Mapping[str, Any]) -> str:
    """Returns the title and the setting of a table or figure."""
    return f"## {part['title']}\n\n{part['setting']}\n"


def _table_row(row: Mapping[str, Any]) -> list[str]:
    """Returns the cells of a table's row; a missing number is blank."""
    published = row["published"]
    return [
        row["label"],
        _BLANK if published is None else " / ".join(f"{number:.2f}" for number in published),
        *(_mean(row["ours"][task]) if "ours" in row else _BLANK for task in TASKS),
        " / ".join(f"{row['difference'][task]:+.2f}" for task in TASKS) if "difference" in row else _BLANK,
        row.get("about", _BLANK),
    ]


def _mean(summary: Mapping[str, Any]) -> str:
    """Formats a mean and, of several values, the standard deviation."""
    deviation = "" if summary["std"] is None else f" ± {summary['std']:.2f}"
    return f"{summary['mean']:.2f}{deviation}"


def _conventions(rows: Sequence[Mapping[str, Any]]) -> str:
    """Returns our numbers under every scoring convention, in a block that the reader can open."""
    lines = [
        (row["label"], row["about"], name, *(_mean(f1[task]) for task in TASKS))
        for row in rows
        for name, f1 in row.get("conventions", {}).items()
    ]
    if not lines:
        return ""
    grid = _grid(("", "setting", "convention", "NER", "RE"), lines)
    return f"<details><summary>Our F1 under every convention</summary>\n\n{grid}\n</details>\n"


def _panel_name(panel: Mapping[str, Any]) -> str:
    """Returns the input and the seeds of a panel."""
    return f"{panel['input']}, seeds {', '.join(map(str, panel['seeds']))}"


def _bins_grid(bins: Mapping[str, Any], gains: Mapping[str, Mapping[str, float]]) -> str:
    """Returns F1 with intervals of both systems, their difference and its p, with one row per bin.

    `gains` holds the differences that the paper publishes, by bin and task.
    """
    published = ["published difference"] if gains else []
    header = [
        f"{task.upper()}, {what}" for task in TASKS for what in (*SYSTEMS, "difference", "p", *published)
    ]
    lines = (
        [name, *(cell for task in TASKS for cell in _bin_cells(row, task, gains.get(name, {}), bool(gains)))]
        for name, row in bins.items()
    )
    return _grid(["", *header], lines)


def _bin_cells(row: Mapping[str, Any], task: str, gains: Mapping[str, float], published: bool) -> list[str]:
    """Returns the cells of one bin and task; `published` adds a cell for the paper's difference."""
    measured = [row[system][task] for system in SYSTEMS]
    scores = [f"{each['f1']:.2f} [{each['interval'][0]:.1f}, {each['interval'][1]:.1f}]" for each in measured]
    gain = f"{measured[0]['f1'] - measured[1]['f1']:+.2f}"
    published_gain = [f"{gains[task]:+.2f}" if task in gains else _BLANK] if published else []
    return [*scores, gain, f"{measured[0]['p']:.4f}", *published_gain]


def _notes(notes: Sequence[str]) -> str:
    """Returns the notes as a list."""
    return "".join(f"- {note}\n" for note in notes)


def _missing(missing: Mapping[str, Sequence[str]]) -> str:
    """Returns the first command of every row with missing runs; reproduction.json holds all commands."""
    if not missing:
        return ""
    lines = []
    for name, (first, *others) in missing.items():
        more = f" ({len(others)} more in reproduction.json)" if others else ""
        lines.append(f"# {name}{more}\n{first}\n")
    return f"Commands of the missing runs:\n\n```\n{''.join(lines)}```\n"


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
