"""Checks a corpus, and prints what it contains.

    cman validate --data=data/conll04

Reads every *.jsonl file of the folder and of its fold_* folders. Prints statistics for each split, what is
odd in it, and which sentences occur more than once, within a split or in two. Each broken file is reported on
stderr with its first error; the exit status is then 2.
"""

import sys
from collections.abc import Sequence

from absl import flags

from cman_jax.app.program import error_line
from cman_jax.data.statistics import validate

_DATA = flags.DEFINE_string("data", None, "Folder of *.jsonl files, or of fold_* folders.", required=True)


def main(argv: Sequence[str]) -> int:
    """Validates as the flags say."""
    del argv
    report, errors = validate(_DATA.value)
    print(report)
    for error in errors:
        print(error_line(error), file=sys.stderr)
    return 2 if errors else 0
