"""`--tensorboard` and `--profile_steps`: what is written about a training besides metrics.jsonl."""

import re
from pathlib import Path

from absl import flags

from cman_jax.errors import InputError
from cman_jax.training.profile import FOLDER, Profile
from cman_jax.training.progress import ConsoleProgress, Displays, Progress
from cman_jax.training.tensorboard import TensorBoard

_TENSORBOARD = flags.DEFINE_bool(
    "tensorboard", False, "Write each epoch's numbers into WORKDIR/tensorboard too, for TensorBoard."
)
_PROFILE = flags.DEFINE_string(
    "profile_steps",
    None,
    "Steps to profile, counted from 1: 10:20 writes a JAX profile into WORKDIR/profile.",
)


def displays_of_flags(workdir: Path, totals: Progress) -> Displays:
    """Returns the displays of a training: the console, `totals`, and those that the flags ask for.

    Raises:
      InputError: the steps are not two numbers in rising order, or an extra is missing.
    """
    displays = [ConsoleProgress(), totals]
    if _TENSORBOARD.value:
        displays.append(TensorBoard())
    if _PROFILE.value is not None:
        displays.append(Profile(workdir / FOLDER, *parse_steps(_PROFILE.value)))
    return Displays(*displays)


def parse_steps(text: str) -> tuple[int, int]:
    """Returns the first and the last step in a text such as "10:20".

    Raises:
      InputError: the text is not two numbers from 1 on in rising order.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,8}):([1-9][0-9]{0,8})", text)
    if not found or int(found[1]) > int(found[2]):
        expected = "two steps in rising order, counted from 1, such as --profile_steps=10:20"
        raise InputError("flags", None, f"--profile_steps={text}", expected)
    return int(found[1]), int(found[2])
