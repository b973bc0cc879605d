"""Provokes faults on purpose, many times each, and prints a table of what became of them.

    make faults
    python -m experiments.faults --workdir=runs/faults --rows=kill,disk --share=0.1

Each attempt has a folder of its own and the same random numbers in every campaign. Started again, the command
goes on with the attempts that are missing. The figures of each row are in WORKDIR/NAME.json, also after an
interruption. The folder of an attempt that broke its promise is kept; --attempt=17 repeats it.
"""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from rich.progress import Progress

from cman_jax.app.program import run_main
from cman_jax.errors import InputError
from cman_jax.files import write_json
from cman_jax.version import __version__
from experiments.faults.campaign import Result, run_attempt, run_row, summary
from experiments.faults.row import Row
from experiments.faults.rows import all_rows
from experiments.faults.table import markdown, read_summaries, write_into


def main(argv: Sequence[str]) -> int:
    """Runs the campaign as the flags say; returns 1 if a promise was not kept."""
    del argv
    workdir, chosen = Path(flags.FLAGS.workdir).absolute(), _chosen(flags.FLAGS.rows)
    if flags.FLAGS.attempt is not None:
        return _repeat(chosen, workdir, flags.FLAGS.attempt)
    with Progress(transient=True) as progress:
        for row in chosen:
            _run(row, workdir, progress)
    summaries = read_summaries(workdir, [row.name for row in all_rows()])
    print(markdown(summaries))
    if flags.FLAGS.document:
        write_into(Path(flags.FLAGS.document), markdown(summaries))
    return int(any(each["broken"] for each in summaries))


def _chosen(names: Sequence[str]) -> list[Row]:
    """Returns the rows with these names; all rows for no name.

    Raises:
      InputError: no row has one of the names.
    """
    rows = {row.name: row for row in all_rows()}
    if unknown := [name for name in names if name not in rows]:
        raise InputError("flags", None, f"--rows={unknown[0]}", f"names among {', '.join(rows)}")
    return [rows[name] for name in names or rows]


def _run(row: Row, workdir: Path, progress: Progress) -> None:
    """Runs the attempts of a row and writes its figures."""
    tries = max(1, round(row.tries // row.each * flags.FLAGS.share))
    task = progress.add_task(row.name, total=tries)

    def done(result: Result) -> None:
        progress.advance(task)
        if not result.kept:
            progress.print(f"{row.name} --attempt={result.number}: {result.outcome}")

    results = run_row(row, workdir, tries, flags.FLAGS.processes, done)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    about = {"machine": machine, "version": __version__}
    write_json(workdir / f"{row.name}.json", {**summary(row, results), **about})


def _repeat(rows: Sequence[Row], workdir: Path, number: int) -> int:
    """Repeats one attempt of a single row; returns 1 if the promise was not kept.

    Raises:
      InputError: several rows are chosen.
    """
    if len(rows) != 1:
        raise InputError("flags", None, f"--attempt={number} for {len(rows)} rows", "one name in --rows")
    result = run_attempt(rows[0], workdir, number)
    print(f"{'kept' if result.kept else 'not kept'} after {result.seconds} s: {result.outcome}")
    return int(not result.kept)


if __name__ == "__main__":
    flags.DEFINE_string("workdir", "runs/faults", "Folder of the campaign, new or to be continued.")
    flags.DEFINE_list("rows", [], "Names of rows; by default all of them.")
    flags.DEFINE_float("share", 1.0, "Share of each row's attempts to run.", 0.0, 1.0)
    flags.DEFINE_integer("processes", 2, "Number of attempts at the same time.", 1)
    flags.DEFINE_integer("attempt", None, "Number of the only attempt to run, in this process.", 0)
    flags.DEFINE_string("document", None, "Markdown file whose table of faults is replaced.")
    run_main(main)
