"""Packs a trained network into a wheel, which pip installs on any machine.

    cman package --workdir=DIR --name=my-model --out=dist
    pip install dist/my_model-1.0.0-py3-none-any.whl
    echo 'Jane Roe works for Acme in Boston.' | cman extract --workdir=my-model

The wheel holds the settings, the vocabularies, the scores and the parameters of the chosen epoch. The
installed package is found by its name wherever a command or `Extractor.load` takes a folder of a run.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from cman_jax.app.run_flag import run_of_flags
from cman_jax.run.package import build_wheel

_NAME = flags.DEFINE_string("name", None, "Name of the package, such as my-model.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder to write the wheel to.", required=True)
_VERSION = flags.DEFINE_string("version", "1.0.0", "Version of the package.")


def main(argv: Sequence[str]) -> None:
    """Packs as the flags say."""
    del argv
    wheel = build_wheel(run_of_flags(), _NAME.value, _VERSION.value, Path(_OUT.value))
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB")
