"""The flags of the programs that decode: each replaces a setting of the run."""

import typing
from typing import Any

from absl import flags

from cman_jax.config import Anchor, Precision


class _Threshold(flags.ArgumentParser):
    """A parser of numbers and of the word dev."""

    def parse(self, argument: str) -> float | str:
        """Returns the number, or "dev"."""
        if argument == "dev":
            return argument
        try:
            return float(argument)
        except ValueError:
            raise ValueError("neither a number nor dev") from None

    def flag_type(self) -> str:
        """Returns how help shows the value."""
        return "number or dev"


# Numbers are checked when the run is loaded, by the rule of the configuration and of the Python API.
_FLAGS = (
    flags.DEFINE(
        _Threshold(),
        "threshold",
        None,
        "Keep relations whose relation_probability is above this number; dev: the threshold or thresholds "
        "that `cman evaluate --tune_threshold` stored in the run. By default as the run was configured.",
    ),
    flags.DEFINE_enum(
        "anchor",
        None,
        typing.get_args(Anchor),
        "Which tokens of two entities decide about a relation: their last tokens, or any pair of tokens. "
        "By default as the run was configured.",
    ),
    flags.DEFINE_enum(
        "precision",
        None,
        typing.get_args(Precision),
        "Precision of products with weights: bfloat16 is faster on some devices; auto: where that is so. "
        "By default as the run was configured.",
    ),
    flags.DEFINE_bool(
        "bio_constraints",
        None,
        "Forbid ill-formed tag sequences. By default on in extract, otherwise as the run was configured.",
    ),
    flags.DEFINE_string(
        "constraints",
        None,
        "Entity types that relations may connect: none, learned (as in training) or a JSON file. "
        "By default learned in extract, otherwise as the run was configured.",
    ),
)


def decoding_flags() -> dict[str, Any]:
    """Returns the fields of `DecodingConfig` that the command line sets."""
    return {flag.name: flag.value for flag in _FLAGS if flag.value is not None}
