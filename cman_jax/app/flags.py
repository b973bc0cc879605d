"""The flags of a command line, and the settings under --config: a mistake is one line, with status 1."""

import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from absl import flags

from cman_jax.config import Config, unknown_field
from cman_jax.errors import InputError

_SETTING = re.compile(r"--?(?:no)?config\.([^=]+)")
_NO_FIELD = re.compile(r"'\w*Config' object has no attribute '(\w+)'")
_A_CONFIG = "a Python file whose get_config() returns a cman_jax.config.Config"


def define_config() -> flags.FlagHolder:
    """Defines --config, the experiment.

    It looks at the command line at once, because ml_collections does so too, and raises a KeyError or a
    TypeError for a setting that does not exist.
    """
    for argument in sys.argv[1:]:
        setting = _SETTING.match(argument)
        if setting and (expected := unknown_field(setting[1])):
            _end(InputError("flags", None, f"the setting config.{setting[1]}", expected))
    from ml_collections import config_flags  # not needed by the programs without --config

    about = "Experiment; single fields as --config.SECTION.FIELD=VALUE."
    try:
        return config_flags.DEFINE_config_file("config", "cman_jax/configs/conll04.py", about)
    except OSError as error:  # the default is not there, and single fields of it are set
        _end(error)


def parse_flags(argv: Sequence[str]) -> list[str]:
    """Parses the flags as absl does, for `absl.app.run`; returns what is left."""
    try:
        rest = flags.FLAGS(argv)
        if "config" in flags.FLAGS:
            _check_config(flags.FLAGS["config"])
        return rest
    except (flags.Error, InputError, OSError) as error:
        _end(error)
    except AttributeError as error:  # in the file of --config
        if "config" not in flags.FLAGS:
            raise
        field = _NO_FIELD.fullmatch(str(error))
        expected = unknown_field(field[1]) if field else None
        _end(InputError("the file of --config", None, str(error), expected or _A_CONFIG))


def _check_config(flag: flags.Flag) -> None:
    """Raises: InputError: no such file, which ml_collections does not say, or it returns something else."""
    if type(flag.value) is not Config:
        loaded = type(flag.value).__name__
        found = "no such file" if loaded == "_ErrorConfig" else f"a {loaded} from get_config()"
        raise InputError(flag.config_filename, None, found, _A_CONFIG)


def _end(error: Exception) -> NoReturn:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(1)
