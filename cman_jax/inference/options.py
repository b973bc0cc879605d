"""The options of decoding: each replaces a setting of a run."""

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cman_jax.config import Config
from cman_jax.config_checks import SettingError, validate
from cman_jax.errors import InputError
from cman_jax.layers.products import precision_of


def with_decoding(config: Config, options: Mapping[str, Any]) -> Config:
    """Returns the config with other decoding options; None leaves an option as it is.

    A threshold replaces those of the relation types.

    Raises:
      InputError: an option has a value that is not allowed.
    """
    changed = dataclasses.replace(config, decoding=copy.copy(config.decoding))
    if options.get("threshold") is not None:
        changed.decoding.relation_thresholds = ()
    for name, value in options.items():
        if value is not None:
            setattr(changed.decoding, name, str(value) if isinstance(value, Path) else value)
    try:
        validate(changed)
    except SettingError as error:
        place = error.name.replace(".", " option ", 1)
        raise InputError(place, None, repr(error.value), error.allowed) from None
    changed.decoding.precision = precision_of(changed.decoding.precision)
    return changed
