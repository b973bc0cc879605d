"""Tables of scores as plain text, for a terminal or a log."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple, get_args

from cman_jax.evaluation.facts import OTHER, Match, Task
from cman_jax.evaluation.metrics import PRF, Average, Scores, Table

MARK = "*"  # stands before the chosen convention

_TASKS: dict[Task, str] = {"ner": "entities", "re": "relations"}
COLUMNS = ("precision", "recall", "F1", "gold", "predicted", "correct")

Row = tuple[str, ...]


class Line(NamedTuple):
    """A row of a table of scores.

    Attributes:
      name: the name of a type, an average or a convention.
      cells: the scores and counts.
      chosen: whether it is the chosen average or convention.
    """

    name: str
    cells: Row
    chosen: bool = False

    @property
    def marked(self) -> Row:
        """Returns all cells; the first has `*` before the chosen name, else a blank."""
        return (f"{MARK if self.chosen else ' '} {self.name}", *self.cells)


def score_table(
    scores: Scores, *, match: Match = "strict", average: Average = "micro", other: bool = True, title: str
) -> str:
    """Returns a table of entities and a table of relations, with a row for each type and both averages.

    `*` marks the chosen average. A corpus without relation types has no table of relations.

    Args:
      scores: the result of `metrics.score`.
      match: the convention to show, named in the first line; see `metrics`.
      average: the average to mark; the other average is printed too.
      other: whether entities of type Other count.
      title: the system and the split, for example "CoNLL04 test".

    Returns:
      Lines without colours or trailing blanks. Scores are in %; then come counts of entities or relations.
    """
    blocks = [f"{title}: {setting(scores, match=match, average=average, other=other)}"]
    for task, name in scored_tasks(scores).items():
        lines = score_lines(scores.table(task, match=match, other=other), average)
        blocks.append(align([(f"  {name}", *COLUMNS), *(line.marked for line in lines)]))
    return "\n\n".join(blocks)


def setting(scores: Scores, *, match: Match, average: Average, other: bool) -> str:
    """Returns a convention and the number of sentences in words; the arguments are those of `score_table`."""
    return ", ".join((match, average, *_other_phrase(scores, other), *_corpus(scores)))


def convention_table(
    scores: Scores, *, match: Match = "strict", average: Average = "micro", other: bool = True, title: str
) -> str:
    """Returns F1 in % under every convention, one row each; `*` marks the chosen convention.

    The arguments are those of `score_table`.
    """
    lines = convention_lines(scores, match=match, average=average, other=other)
    rows = [("  F1", *scored_tasks(scores).values()), *(line.marked for line in lines)]
    return f"{title}: {', '.join(_corpus(scores))}\n\n{align(rows)}"


def convention_lines(scores: Scores, *, match: Match, average: Average, other: bool) -> list[Line]:
    """Returns F1 in % under every convention; the arguments are those of `score_table`."""
    # If no type is called Other, the rows without Other would repeat the rows with it.
    choices = (True, False) if _has_other(scores) else (other,)
    lines = []
    for o, m, a in product(choices, get_args(Match), get_args(Average)):
        name = ", ".join((m, a, *_other_phrase(scores, o)))
        f1 = (f"{scores.f1(task, match=m, average=a, other=o):.2f}" for task in scored_tasks(scores))
        lines.append(Line(name, tuple(f1), (o, m, a) == (other, match, average)))
    return lines


def scored_tasks(scores: Scores) -> dict[Task, str]:
    """Returns the tasks with their names; relations are left out if the system knows no relation type."""
    return {task: name for task, name in _TASKS.items() if task == "ner" or scores.table(task).per_type}


def score_lines(table: Table, average: Average) -> list[Line]:
    """Returns the rows of one task under `COLUMNS`: every type, then both averages.

    Args:
      table: the counts of the task.
      average: the chosen average.
    """
    lines = [Line(name, _prf_cells(counts)) for name, counts in table.per_type.items()]
    lines.append(Line("micro", _prf_cells(table.micro), average == "micro"))
    macro = (f"{value:.2f}" for value in table.macro)
    # A mean of scores has no counts of its own.
    return [*lines, Line("macro", (*macro, "-", "-", "-"), average == "macro")]


def _prf_cells(counts: PRF) -> Row:
    """Returns scores and counts."""
    percentages = (f"{value:.2f}" for value in (counts.precision, counts.recall, counts.f1))
    return (*percentages, str(counts.gold), str(counts.predicted), str(counts.tp))


def _has_other(scores: Scores) -> bool:
    """Returns whether the corpus has the entity type Other."""
    return OTHER in scores.table("ner").per_type


def _other_phrase(scores: Scores, other: bool) -> tuple[str, ...]:
    """Returns whether Other counts, in words; nothing for a corpus without the type Other.

    Scores with and without Other are the same for such a corpus.
    """
    return (f"{'with' if other else 'without'} Other",) if _has_other(scores) else ()


def _corpus(scores: Scores) -> tuple[str, ...]:
    """Returns the rule for overlapping entities and the number of sentences, in words."""
    overlaps = f"overlapping entities {'not ' if scores.overlap == 'drop' else ''}scored"
    return (overlaps, f"{scores.sentences} sentence{'' if scores.sentences == 1 else 's'}")


def align(rows: Sequence[Row]) -> str:
    """Returns the rows as text, with two blanks between columns.

    The first column is aligned left, all other columns are aligned right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        for row in rows
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)
