"""What a person sees of a running training: a bar within the epoch, a line after it."""

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Says nothing; the base of those that do."""

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """An epoch over that many sentences begins."""

    def advance(self, num_sentences: int) -> None:
        """So many more sentences are on their way."""

    def end_epoch(self, rows: list[dict[str, Any]]) -> None:
        """The epoch is scored; its row of metrics.jsonl is the last of `rows`."""


class ConsoleProgress(Progress):
    """A bar while an epoch runs, where stderr is a terminal, and one line on stdout for each that ended."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Bar(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        self._task = None
        self._num_epochs = 0

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Starts the bar."""
        self._num_epochs = num_epochs
        self._bar.start()
        self._task = self._bar.add_task(f"epoch {epoch}/{num_epochs}", total=num_sentences)

    def advance(self, num_sentences: int) -> None:
        """Moves the bar."""
        self._bar.advance(self._task, num_sentences)

    def end_epoch(self, rows: list[dict[str, Any]]) -> None:
        """Replaces the bar by the epoch's line."""
        self._bar.remove_task(self._task)
        self._bar.stop()
        print(epoch_line(rows, self._num_epochs), flush=True)


def epoch_line(rows: list[dict[str, Any]], num_epochs: int) -> str:
    """Losses (nats per sentence), dev F1 (%), the best epoch so far, the speed and the time left."""
    row = rows[-1]
    best = max(rows, key=lambda other: other["selection"])["epoch"]
    left = (num_epochs - row["epoch"]) * row["seconds"] / 60
    return (
        f"epoch {row['epoch']:>3}/{num_epochs}  loss ner {row['ner_loss']:.2f} re {row['relation_loss']:.2f} "
        f"adv {row['adversarial_loss']:.2f}  dev NER {row['dev']['ner']:.2f} RE {row['dev']['re']:.2f} "
        f"(best: epoch {best})  {row['sentences_per_second']:.0f} sentences/s, {left:.0f} min left"
    )
