"""The metrics of a training as TensorBoard reads them, without TensorFlow."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from cman_jax.data.contents import Contents
from cman_jax.errors import missing_extra
from cman_jax.training.progress import Progress

FOLDER = "tensorboard"
"""The folder of the files in the run's folder."""

_NAMES = {
    "ner_loss": "loss/ner",
    "relation_loss": "loss/relation",
    "adversarial_loss": "loss/adversarial",
    "gradient_norm": "training/gradient_norm",
    "skipped_updates": "training/skipped_updates",
    "sentences_per_second": "training/sentences_per_second",
}


class TensorBoard(Progress):
    """A display that writes the numbers of each epoch for TensorBoard.

    An epoch that is trained again, because training was interrupted, replaces the former numbers.

    Raises:
      InputError: the extra `tensorboard` is not installed.
    """

    def __init__(self) -> None:
        try:
            self._writer = import_module("tensorboardX").SummaryWriter
        except ImportError:
            raise missing_extra("TensorBoard", "no tensorboardX", "tensorboard") from None
        self._workdirs: tuple[Path, ...] = ()
        self._writers: list[Any] = []

    def start(self, runs: Mapping[Path, Contents]) -> None:
        """Remembers the folders of the runs."""
        self._workdirs = tuple(runs)

    def start_epoch(self, epoch: int, num_epochs: int, num_sentences: int) -> None:
        """Opens the files at the first epoch."""
        if not self._writers:
            folders = [str(workdir / FOLDER) for workdir in self._workdirs]
            self._writers = [self._writer(folder, purge_step=epoch) for folder in folders]

    def end_epoch(self, *runs: list[dict[str, Any]]) -> None:
        """Writes the epoch's numbers."""
        for writer, (*_, row) in zip(self._writers, runs, strict=True):
            for name, value in scalars(row).items():
                writer.add_scalar(name, value, row["epoch"])
            writer.flush()

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers:
            writer.close()


def scalars(row: Mapping[str, Any]) -> dict[str, float]:
    """Returns the numbers of an epoch under TensorBoard's names: losses in nats per sentence, F1 in %.

    Args:
      row: a row of metrics.jsonl.
    """
    found = {shown: row[name] for name, shown in _NAMES.items() if name in row}
    return found | {f"dev/{task}_f1": value for task, value in row["dev"].items()}
