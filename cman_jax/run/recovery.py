"""The epoch that a training resumes from: the latest one whose checkpoint and best epoch are intact."""

from pathlib import Path

from cman_jax.config import Config
from cman_jax.run.checkpoint import saved_epochs, set_aside
from cman_jax.run.checkpoint_files import OPTIMIZER, PARAMS, damage_of
from cman_jax.run.record import chosen_of, read_metrics


def recover(workdir: Path, config: Config) -> str | None:
    """Moves damaged checkpoints aside, and those that training will write again.

    Afterwards the latest checkpoint is intact, and so is the best one until then. So the resumed training
    ends with the same parameters and the same choice as an undamaged one.

    Args:
      workdir: the run's working directory.
      config: the run's config.

    Returns:
      A line that names the damage and where training resumes; None: nothing was damaged.

    Raises:
      InputError: metrics.jsonl is damaged.
    """
    directory, rows = workdir / "checkpoints", read_metrics(workdir)
    saved = saved_epochs(directory)
    errors = {epoch: damage_of(directory / str(epoch), PARAMS, OPTIMIZER) for epoch in saved}
    reasons = [f"{error.path}: found {error.found}" for error in errors.values() if error is not None]
    resumed = 0
    for epoch in (epoch for epoch in reversed(saved) if errors[epoch] is None):
        until = [row for row in rows if row["epoch"] <= epoch]
        needed = chosen_of(until, config) if until else epoch
        if needed in saved and errors[needed] is None:
            resumed = epoch
            break
        if needed not in saved:
            reasons.append(f"{directory}: found no checkpoint of epoch {needed}, the best until {epoch}")
    aside = [epoch for epoch in saved if epoch > resumed or errors[epoch] is not None]
    if not aside:
        return None
    folder, start = set_aside(directory, aside), f"after epoch {resumed}" if resumed else "from the start"
    moved = f"what was saved of epochs {', '.join(map(str, aside))} is in {folder}"
    return f"{'; '.join(reasons)}; training resumes {start}, and {moved}"
