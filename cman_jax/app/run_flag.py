"""The flag that names the trained network of a command."""

from pathlib import Path

from absl import flags

from cman_jax.run.installed import run_folder

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of a training run, or name of an installed model.", required=True
)


def run_of_flags() -> Path:
    """Returns the folder of the run.

    Raises:
      InputError: as `run_folder`.
    """
    return run_folder(_WORKDIR.value)
