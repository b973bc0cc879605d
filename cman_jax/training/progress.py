"""What a person sees of a running training: a bar within the epoch, a line after it."""

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
    """Says nothing; the base of those that do."""

    def start(self, runs: Mapping[Path, Contents]) -> None:
        """Training is about to begin; what the data of each run contain, by its workdir."""

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """An epoch over that many sentences begins."""

    def advance(self, num_sentences: int) -> None:
        """So many more sentences are on their way."""

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """The epoch is scored; of each run of the population, its row of metrics.jsonl is the last."""

    def close(self) -> None:
        """Training has ended, by an error perhaps."""


class ConsoleProgress(Progress):
    """A bar while an epoch runs, where stderr is a terminal, and one line on stdout for each that ended."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        self._task = None
        self._num_epochs = 0

    def start(self, runs: Mapping[Path, Contents]) -> None:
        """Prints what training cannot learn, once where all runs have the same data."""
        lines = {workdir: content_lines(contents) for workdir, contents in runs.items()}
        same = all(each == next(iter(lines.values())) for each in lines.values())
        for workdir, some in list(lines.items())[: 1 if same else None]:
            for line in some:
                print(line if same else f"{workdir}: {line}", flush=True)

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Starts the bar."""
        self._num_epochs = num_epochs
        self._bar.start()
        self._task = self._bar.add_task(f"epoch {epoch}/{num_epochs}", total=num_sentences)

    def advance(self, num_sentences: int) -> None:
        """Moves the bar."""
        self._bar.advance(self._task, num_sentences)

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """Replaces the bar by the epoch's line."""
        self._bar.remove_task(self._task)
        self._bar.stop()
        print(epoch_line(runs, self._num_epochs), flush=True)

    def close(self) -> None:
        """Takes the bar of an epoch that did not end off the terminal."""
        self._bar.stop()


def epoch_line(runs: Sequence[list[dict[str, Any]]], num_epochs: int) -> str:
    """Losses (nats per sentence), dev F1 (%), the best epoch so far, the speed and the time left.

    Of several runs: means, F1 with its standard deviation, the speed of all together.
    """
    rows = [run[-1] for run in runs]
    best = sorted({best_epoch(run) for run in runs})
    choice = "best" if rows[0]["selection"] is not None else "nothing to score, so the last is kept"
    left = (num_epochs - rows[0]["epoch"]) * rows[0]["seconds"] / 60
    ner, relation, perturbed = (
        fmean(row[f"{name}_loss"] for row in rows) for name in ("ner", "relation", "adversarial")
    )
    f1 = [_spread([row["dev"][task] for row in rows]) for task in ("ner", "re")]
    return (
        f"epoch {rows[0]['epoch']:>3}/{num_epochs}  "
        f"loss ner {ner:.2f} re {relation:.2f} adv {perturbed:.2f}  dev NER {f1[0]} RE {f1[1]} "
        f"({choice}: epoch {', '.join(map(str, best))})  "
        f"{sum(row['sentences_per_second'] for row in rows):.0f} sentences/s, {left:.0f} min left"
    )


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")
