"""The flags of the programs that decode: each replaces a setting of the run."""

import typing
from typing import Any

from absl import flags

from cman_jax.config import Anchor

# Numbers are checked when the run is loaded, by the rule of the configuration and of the Python API.
_FLAGS = (
    flags.DEFINE_float(
        "threshold", None, "Keep relations above this probability. By default as the run was configured."
    ),
    flags.DEFINE_enum(
        "anchor",
        None,
        typing.get_args(Anchor),
        "Which tokens of two entities decide about a relation: their last tokens, or any pair of tokens. "
        "By default as the run was configured.",
    ),
    flags.DEFINE_bool(
        "bio_constraints", None, "Forbid ill-formed tag sequences. By default as the run was configured."
    ),
)


def decoding_flags() -> dict[str, Any]:
    """Returns the fields of `DecodingConfig` that the command line sets."""
    return {flag.name: flag.value for flag in _FLAGS if flag.value is not None}
