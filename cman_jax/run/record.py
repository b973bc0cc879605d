"""The record of a run's epochs, metrics.jsonl, and the epoch that is chosen by it.

A row is a JSON object for one finished epoch. It contains mean losses, the speed, the scores on dev and their
mean `selection`, which is null if dev has nothing to score. The best epoch has the highest `selection`.
"""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.files import json_text, write_atomically


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """Returns the rows of metrics.jsonl, one per finished epoch; empty if the file does not exist.

    Args:
      workdir: the run's working directory.

    Raises:
      InputError: a line is not JSON.
    """
    path = workdir / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise InputError(path, None, f"{error}", "one JSON object per line") from None


def write_metrics(workdir: Path, rows: list[dict[str, Any]]) -> None:
    """Replaces metrics.jsonl as a whole, so that a kill leaves no partial line.

    Args:
      workdir: the run's working directory.
      rows: all rows, one per finished epoch.
    """
    text = "".join(json_text(row) + "\n" for row in rows)
    write_atomically(workdir / "metrics.jsonl", text.encode())


def chosen_epoch(workdir: Path, config: Config, saved: Collection[int]) -> int:
    """Returns the epoch whose parameters represent the run.

    It is the best epoch on dev, or the last epoch under the protocol "train+dev".

    Args:
      workdir: the run's working directory.
      config: the run's config.
      saved: epochs that have a checkpoint. The newest row may lack one if the run is still training or was
        killed.

    Raises:
      InputError: no epoch has finished yet.
    """
    rows = [row for row in read_metrics(workdir) if row["epoch"] in saved]
    if not rows:
        raise InputError(workdir, None, "no finished epoch", "a run that has finished at least one epoch")
    if config.training.protocol == "train+dev":
        return rows[-1]["epoch"]
    return best_epoch(rows)


def best_epoch(rows: Sequence[dict[str, Any]]) -> int:
    """Returns the best epoch on dev, the earliest of equals.

    If dev has nothing to score, it is the last epoch.

    Args:
      rows: rows of metrics.jsonl, at least one.
    """
    if rows[-1]["selection"] is None:
        return rows[-1]["epoch"]
    return max(rows, key=lambda row: row["selection"])["epoch"]
