"""What every store of contextual features offers its readers, whichever format it has on disk."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float16

from cman_jax.errors import InputError
from cman_jax.files import show
from cman_jax.types import EncoderSpec, Sentence


class FeatureSource(ABC):
    """Features by sentence; what `cman_jax.encoders.encoder.Encoder` asks for, and how they are kept.

    Attributes:
      command: the program that writes such a store.
      path: where it is.
      spec: the encoder that the features are of.
    """

    command: ClassVar[str]
    path: Path
    spec: EncoderSpec

    @abstractmethod
    def __contains__(self, tokens: Sequence[str]) -> bool:
        """Whether the sentence is there; the empty one always is."""

    @abstractmethod
    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """All layers' vectors of the sentence's tokens, not to be written to.

        Raises:
          InputError: the sentence is not there.
        """

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float16[np.ndarray, "l n d"]]:
        """The features of each sentence: a store stands in for the encoder that filled it."""
        return [self.features(tokens) for tokens in sentences]

    def check(self, sentences: Iterable[Sentence]) -> None:
        """Raises InputError unless every sentence is there; it names the first that is not."""
        sentences = list(sentences)
        if absent := [sentence for sentence in sentences if sentence.tokens not in self]:
            found = (
                f"no features of {len(absent)} of {len(sentences)} sentences, the first of them "
                f"{absent[0].id} ({quote(absent[0].tokens)})"
            )
            raise self._incomplete(found)

    def _incomplete(self, found: str) -> InputError:
        return InputError(
            self.path, None, found, f"features of every sentence (`{self.command}` writes them)"
        )


def quote(tokens: Sequence[str]) -> str:
    """The sentence as error messages quote it: cut to a length that fits on a line."""
    return show(" ".join(tokens))


def to_float16(
    values: Float[np.ndarray, "l n d"], tokens: Sequence[str], path: str | Path = "contextual features"
) -> Float16[np.ndarray, "l n d"]:
    """The values in half precision; one that is not finite there is an InputError that names its place."""
    with np.errstate(over="ignore"):
        half = values.astype("<f2", copy=False)
    if not np.isfinite(half).all():
        layer, token, column = np.argwhere(~np.isfinite(half))[0]
        found = f"{values[layer, token, column]} in layer {layer} of token {token} of {quote(tokens)}"
        raise InputError(path, None, found, "numbers up to 65504, the largest of float16")
    return half


def check_spec(path: Path, found: EncoderSpec, expected: EncoderSpec) -> None:
    """Raises an InputError that names what differs unless the two are the same encoder."""
    differing = [field for field in EncoderSpec._fields if getattr(found, field) != getattr(expected, field)]
    if differing:
        theirs, ours = (
            ", ".join(f"{field} {getattr(spec, field)!r}" for field in differing)
            for spec in (found, expected)
        )
        raise InputError(path, None, f"features by an encoder of {theirs}", ours)
