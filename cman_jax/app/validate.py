"""Checks a corpus of any format, and prints what it contains and what training will do with it.

    cman validate --data=data/conll04
    cman validate --data=brat_folder

Prints statistics for each split, what is odd in it, and which sentences occur more than once, within a split
or in two. A folder of fold_* folders is a corpus of several. Each broken file is reported on stderr with its
first error; the exit status is then 2.
"""

import sys
from collections.abc import Sequence

from cman_jax.app.corpus_flags import corpus_place
from cman_jax.app.program import error_line
from cman_jax.data.statistics import validate


def main(argv: Sequence[str]) -> int:
    """Validates as the flags say."""
    del argv
    report, errors = validate(*corpus_place())
    print(report)
    for error in errors:
        print(error_line(error), file=sys.stderr)
    return 2 if errors else 0
