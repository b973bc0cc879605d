"""A run's metrics.jsonl, one row per epoch, and the epoch that is chosen by it."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.files import json_text, write_atomically


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl, one per finished epoch; none where there is no file yet."""
    path = workdir / "metrics.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise InputError(path, None, f"{error}", "one JSON object a line") from None


def write_metrics(workdir: Path, rows: list[dict[str, Any]]) -> None:
    """Replaces metrics.jsonl as a whole, so that a kill leaves no half line."""
    text = "".join(json_text(row) + "\n" for row in rows)
    write_atomically(workdir / "metrics.jsonl", text.encode())


def chosen_epoch(workdir: Path, config: Config, saved: Collection[int]) -> int:
    """The epoch whose parameters stand for the run: the best on dev, or the last under train+dev.

    Args:
      saved: epochs that have a checkpoint; the newest row may lack one, in a run that goes on or was killed.

    Raises:
      InputError: no epoch has finished yet.
    """
    rows = [row for row in read_metrics(workdir) if row["epoch"] in saved]
    if not rows:
        raise InputError(workdir, None, "no finished epoch", "a run that has trained for one at least")
    if config.training.protocol == "train+dev":
        return rows[-1]["epoch"]
    return best_epoch(rows)


def best_epoch(rows: Sequence[dict[str, Any]]) -> int:
    """Returns the best epoch on dev, the earliest of equals; the last where dev has nothing to score."""
    if rows[-1]["selection"] is None:
        return rows[-1]["epoch"]
    return max(rows, key=lambda row: row["selection"])["epoch"]
