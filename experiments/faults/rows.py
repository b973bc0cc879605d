"""All rows of the table of faults, in its order."""

import importlib
from collections.abc import Sequence

from experiments.faults.row import Row

_MODULES = (
    "stops",
    "run_files",
    "corpora",
    "model_files",
    "numbers",
    "resumes",
    "disks",
    "texts",
    "races",
    "command_lines",
    "shortage",
)
"""The modules of this package that have rows."""


def all_rows() -> Sequence[Row]:
    """Returns the rows of all modules."""
    modules = (importlib.import_module(f"experiments.faults.{name}") for name in _MODULES)
    return [row for module in modules for row in module.ROWS]
