"""The flag that names the trained network of a command, or several networks that predict together."""

from pathlib import Path

from absl import flags

from cman_jax.errors import InputError
from cman_jax.run.installed import run_folder

_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder of a training run, or name of an installed model; in extract and evaluate also several, "
    "separated by commas, whose scores are averaged.",
    required=True,
)


def run_of_flags() -> Path:
    """Returns the folder of the run.

    Raises:
      InputError: as `run_folder`, or there are several.
    """
    folders = runs_of_flags()
    if len(folders) > 1:
        raise InputError("--workdir", None, f"{len(folders)} runs", "one run for this command")
    return folders[0]


def runs_of_flags() -> list[Path]:
    """Returns the folders of the runs; a folder whose name has a comma is one run.

    Raises:
      InputError: as `run_folder`.
    """
    value = _WORKDIR.value
    return [run_folder(name) for name in ([value] if Path(value).exists() else value.split(","))]


def name_of_run() -> str:
    """Returns the folder or the name of the run as the command line gives it.

    Raises:
      InputError: as `run_of_flags`.
    """
    run_of_flags()
    return _WORKDIR.value
