"""The display of a running training: a bar within the epoch, and a line after it."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from cman_jax.data.contents import Contents, content_lines
from cman_jax.run.record import best_epoch


class Progress:
    """A display that shows nothing, and the base class of all displays."""

    def start(self, runs: Mapping[Path, Contents]) -> None:
        """Is called before training begins.

        Args:
          runs: what the data of each run contain, by its workdir.
        """

    def note(self, *lines: str) -> None:
        """Is called with what the user should know about a run, each in one line."""

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Is called when an epoch begins.

        Args:
          epoch: the epoch's number.
          num_epochs: number of epochs of the whole training.
          num_sentences: number of sentences in the epoch, over all runs.
        """

    def advance(self, num_sentences: int) -> None:
        """Is called with the number of sentences of every step that has begun."""

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """Is called when the epoch has been scored.

        Args:
          runs: the rows of metrics.jsonl of each run; the last row is the epoch's.
        """

    def close(self) -> None:
        """Is called when training has ended, by an error or not."""


class Displays(Progress):
    """Several displays, each of which is called with everything.

    Args:
      displays: the displays, in the order of their calls.
    """

    def __init__(self, *displays: Progress):
        self._displays = displays

    def start(self, runs: Mapping[Path, Contents]) -> None:
        """Passes the runs on."""
        for display in self._displays:
            display.start(runs)

    def note(self, *lines: str) -> None:
        """Passes the lines on."""
        for display in self._displays:
            display.note(*lines)

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Passes the beginning of an epoch on."""
        for display in self._displays:
            display.start_epoch(epoch, num_epochs, num_sentences)

    def advance(self, num_sentences: int) -> None:
        """Passes a step on."""
        for display in self._displays:
            display.advance(num_sentences)

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """Passes the end of an epoch on."""
        for display in self._displays:
            display.end_epoch(*runs)

    def close(self) -> None:
        """Closes the displays."""
        for display in self._displays:
            display.close()


class ConsoleProgress(Progress):
    """A display with a bar on stderr if it is a terminal, and one line on stdout per epoch."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        self._task = None
        self._title = ""
        self._num_epochs = 0

    def start(self, runs: Mapping[Path, Contents]) -> None:
        """Prints what training cannot learn; only once if all runs have the same data."""
        lines = {workdir: content_lines(contents) for workdir, contents in runs.items()}
        same = all(each == next(iter(lines.values())) for each in lines.values())
        for workdir, some in list(lines.items())[: 1 if same else None]:
            for line in some:
                print(line if same else f"{workdir}: {line}", flush=True)

    def note(self, *lines: str) -> None:
        """Prints the lines."""
        for line in lines:
            print(line, flush=True)

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Starts the bar."""
        self._num_epochs = num_epochs
        self._bar.start()
        self._title = f"epoch {epoch}/{num_epochs}"
        waiting = self._task is None  # for the first program of this process
        if waiting:
            print("compiling the first programs, while training begins", flush=True)
        title = f"{self._title}, compiling" if waiting else self._title
        self._task = self._bar.add_task(title, total=num_sentences)

    def advance(self, num_sentences: int) -> None:
        """Moves the bar."""
        self._bar.update(self._task, advance=num_sentences, description=self._title)

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """Replaces the bar with the epoch's line."""
        self._bar.remove_task(self._task)
        self._bar.stop()
        print(epoch_line(runs, self._num_epochs), flush=True)

    def close(self) -> None:
        """Removes the bar of an unfinished epoch from the terminal."""
        self._bar.stop()


def epoch_line(runs: Sequence[list[dict[str, Any]]], num_epochs: int) -> str:
    """Returns the line of an epoch.

    It contains losses (nats per sentence), dev F1 (%), the best epoch so far, the speed, the seconds of the
    epoch and the minutes left. The last two leave out what was spent waiting for the compiler.
    For several runs it contains means, F1 with its standard deviation, and the total speed.

    Args:
      runs: the rows of metrics.jsonl of each run; the last row is the epoch's.
      num_epochs: number of epochs of the whole training.
    """
    rows = [run[-1] for run in runs]
    best = sorted({best_epoch(run) for run in runs})
    choice = "best" if rows[0]["selection"] is not None else "nothing to score, so the last is kept"
    seconds = rows[0]["seconds"] - rows[0].get("compiling_seconds", 0.0)
    left = (num_epochs - rows[0]["epoch"]) * seconds / 60
    ner, relation, perturbed = (
        fmean(row[f"{name}_loss"] for row in rows) for name in ("ner", "relation", "adversarial")
    )
    skipped = sum(row.get("skipped_updates", 0) for row in rows)
    note = f"; {skipped} updates skipped, because a loss or gradient was not finite" if skipped else ""
    ner_f1, re_f1 = (_spread([row["dev"][task] for row in rows]) for task in ("ner", "re"))
    return (
        f"epoch {rows[0]['epoch']:>3}/{num_epochs}  "
        f"loss ner {ner:.2f} re {relation:.2f} adv {perturbed:.2f}  dev NER {ner_f1} RE {re_f1} "
        f"({choice}: epoch {', '.join(map(str, best))})  "
        f"{sum(row['sentences_per_second'] for row in rows):.0f} sentences/s, "
        f"{seconds:.0f} s per epoch, {left:.0f} min left{note}"
    )


def _spread(values: Sequence[float]) -> str:
    """Returns the mean, and for several values their standard deviation."""
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")
