"""Flags of the programs that decode, in place of what the run was configured with."""

import typing
from typing import Any

from absl import flags

from cman_jax.config import Anchor, Labels

# Numbers are checked where the run is loaded, by the rule that the configuration and the Python API have.
_THRESHOLD = flags.DEFINE_float(
    "threshold", None, "A relation holds above this probability; default: the run's."
)
_ANCHOR = flags.DEFINE_enum(
    "anchor",
    None,
    typing.get_args(Anchor),
    "Which tokens of two entities make a relation; default: the run's.",
)
_BIO = flags.DEFINE_bool("bio_constraints", None, "Forbid ill-formed tag sequences; default: the run's.")
_LABELS = flags.DEFINE_enum(
    "labels",
    None,
    typing.get_args(Labels),
    "Tags that relations read: decoded ones, or those of annotated input (Table 3); default: the run's.",
)


def decoding_flags() -> dict[str, Any]:
    """The fields of `DecodingConfig` that the command line sets."""
    values = {
        "threshold": _THRESHOLD.value,
        "anchor": _ANCHOR.value,
        "bio_constraints": _BIO.value,
        "labels": _LABELS.value,
    }
    return {name: value for name, value in values.items() if value is not None}
