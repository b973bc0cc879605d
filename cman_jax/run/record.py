"""The record of a run's epochs, metrics.jsonl, and the epoch that is chosen by it.

A row is a JSON object for one finished epoch. It contains mean losses, the speed, the scores on dev and their
mean `selection`, which is null if dev has nothing to score. The best epoch has the highest `selection`.
"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.files import json_text, parse_json, read_lines
from cman_jax.run.checkpoint import remedy_for
from cman_jax.run.manifest import check_listed, write_files
from cman_jax.run.rank import rank_of


def read_metrics(workdir: Path) -> list[dict[str, Any]]:
    """Returns the rows of metrics.jsonl, one per finished epoch; empty if the file does not exist.

    Args:
      workdir: the run's working directory.

    Raises:
      InputError: a line is not JSON in UTF-8, or the file was changed after training.
    """
    path = workdir / "metrics.jsonl"
    check_listed(workdir, path.name)
    if not path.is_file():
        return []
    lines = enumerate(read_lines(path), 1)
    rows = [parse_json(line, partial(InputError, path, number)) for number, line in lines]
    if bad := [number for number, row in enumerate(rows, 1) if not _is_row(row)]:
        raise InputError(path, bad[0], "no scores of an epoch", "one row per epoch as training wrote it")
    return rows


def write_metrics(workdir: Path, rows: list[dict[str, Any]]) -> None:
    """Replaces metrics.jsonl as a whole, so that a kill leaves no partial line.

    Args:
      workdir: the run's working directory.
      rows: all rows, one per finished epoch.
    """
    text = "".join(json_text(row) + "\n" for row in rows)
    write_files(workdir, {"metrics.jsonl": text.encode()})


def chosen_epoch(workdir: Path, config: Config, saved: Collection[int]) -> int:
    """Returns the epoch whose parameters represent the run.

    It is the best epoch on dev, or the last epoch under the protocol "train+dev". The newest epochs may lack
    a checkpoint, because the run is still training or was killed; they do not count then.

    Args:
      workdir: the run's working directory.
      config: the run's config.
      saved: epochs that have a whole checkpoint.

    Raises:
      InputError: no epoch has finished yet, or files of the chosen epoch are missing.
    """
    rows = read_metrics(workdir)
    folder, latest = workdir / "checkpoints", max(saved, default=0)
    chosen = chosen_of(rows, config) if rows else 0
    if chosen > latest and not (folder / str(chosen)).exists():
        rows = [row for row in rows if row["epoch"] <= latest]
        chosen = chosen_of(rows, config) if rows else 0
    if not chosen:
        raise InputError(workdir, None, "no finished epoch", "a run that has finished at least one epoch")
    if chosen not in saved:
        found = f"no whole checkpoint of epoch {chosen}, which the run's scores on dev choose"
        raise InputError(folder, None, found, f"its checkpoint; {remedy_for(chosen, sorted(saved))}")
    return chosen


def unsaved_choice(workdir: Path, config: Config, epoch: int) -> int | None:
    """Returns a later epoch that the run would choose if it had a checkpoint; None: there is none.

    Args:
      workdir: the run's working directory.
      config: the run's config.
      epoch: the result of `chosen_epoch`.
    """
    rows = read_metrics(workdir)
    chosen = chosen_of(rows, config) if rows else epoch
    return chosen if chosen > epoch else None


def chosen_of(rows: Sequence[dict[str, Any]], config: Config) -> int:
    """Returns the epoch whose parameters represent a run with these rows, at least one."""
    return rows[-1]["epoch"] if config.training.protocol == "train+dev" else best_epoch(rows)


def best_epoch(rows: Sequence[dict[str, Any]]) -> int:
    """Returns the best epoch on dev by `rank_of`: the earliest of equals, or the last if nothing is scored.

    Args:
      rows: rows of metrics.jsonl, at least one.
    """
    return max(rows, key=lambda row: rank_of(row["epoch"], row["selection"]))["epoch"]


def _is_row(row: Any) -> bool:
    """Returns whether a value can be a row of metrics.jsonl."""
    return (
        isinstance(row, dict)
        and isinstance(row.get("epoch"), int)
        and isinstance(row.get("selection"), int | float | None)
    )
