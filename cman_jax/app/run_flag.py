"""The flag that names the trained network of a command, or several networks that predict together."""

from pathlib import Path

from absl import flags

from cman_jax.errors import InputError
from cman_jax.run.installed import run_folder

_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder of a training run, or name of an installed model; in extract, serve and evaluate also "
    "several, separated by commas, whose scores are averaged.",
    required=True,
)


def run_of_flags() -> Path:
    """Returns the folder of the run.

    Raises:
      InputError: as `run_folder`, or there are several.
    """
    return run_folder(name_of_run())


def runs_of_flags() -> list[Path]:
    """Returns the folders of the runs; a folder whose name has a comma is one run.

    Raises:
      InputError: as `run_folder`.
    """
    return [run_folder(name) for name in _names()]


def name_of_run() -> str:
    """Returns the folder or the name of the run as the command line gives it.

    Raises:
      InputError: there are several.
    """
    name, *others = _names()
    if others:
        raise InputError("--workdir", None, f"{1 + len(others)} runs", "one run for this command")
    return name


def _names() -> list[str]:
    """Returns the folders or names of the runs; raises an InputError if one is empty."""
    value = _WORKDIR.value
    names = [value] if Path(value).exists() else value.split(",")
    if "" in names:
        expected = "the folder of a run, or several with a comma between two"
        raise InputError("--workdir", None, f"an empty name in {value!r}", expected)
    return names
