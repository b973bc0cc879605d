"""A run on a host that is not the first of those that train it together: it reads the run's files only."""

from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.data.summary import Summaries
from cman_jax.encoders.encoder import Encoder
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.system import System
from cman_jax.training.member import Member
from cman_jax.training.open_run import join_run
from cman_jax.training.step import TrainState
from cman_jax.training.within import Within


class Follower(Member):
    """A `Member` that takes all steps, and leaves predicting dev and writing to the first host."""

    def _open(
        self, config: Config, summaries: Summaries, vectors: Path | None, encoder: Encoder | None
    ) -> System:
        """Returns the system of the run, which the first host has opened."""
        return join_run(config, summaries, self.workdir, vectors, encoder)

    def _open_checkpoints(self) -> tuple[str | None, Checkpoints]:
        """Returns no note, and the checkpoints that the first host has left as they are to be read."""
        return None, Checkpoints(self.workdir / "checkpoints", read_only=True)

    def close(self) -> None:
        """Has nothing to wait for."""

    def prepare(self, *arguments: Any) -> None:
        """Compiles nothing, because dev is not predicted here."""

    def end_epoch(self, epoch: int, state: TrainState, row: dict[str, Any]) -> None:
        """Only raises an InputError if the state is not finite, as the first host does."""
        self.refuse_not_finite(state, f"after the last step of epoch {epoch}")

    def save_within(self, part: Within) -> None:
        """Writes nothing."""

    def remove_within(self, epoch: int, keep: Path | None) -> None:
        """Removes nothing."""
