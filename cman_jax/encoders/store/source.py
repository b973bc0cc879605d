"""The interface of all stores of contextual features, whichever format they have on disk."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Float16

from cman_jax.errors import InputError
from cman_jax.files import check_keys, show
from cman_jax.types import EncoderSpec, Sentence


class FeatureSource(ABC):
    """A store of features by sentence, with the interface of `cman_jax.encoders.encoder.Encoder`.

    Attributes:
      remedy: the way to get the features of missing sentences, for error messages.
      path: the file or directory of the store.
      spec: the encoder that computed the features.
    """

    remedy: ClassVar[str]
    path: Path
    spec: EncoderSpec

    @abstractmethod
    def __contains__(self, tokens: Sequence[str]) -> bool:
        """Returns whether the store has the sentence's features; True for the empty sentence."""

    @abstractmethod
    def features(self, tokens: Sequence[str]) -> Float16[np.ndarray, "l n d"]:
        """Returns the vectors of all layers for the sentence's tokens, which must not be written to.

        Args:
          tokens: the tokens of the sentence.

        Raises:
          InputError: the store does not have the sentence.
        """

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float16[np.ndarray, "l n d"]]:
        """Returns the features of each sentence, as the encoder that filled the store does.

        Args:
          sentences: the tokens of each sentence.

        Raises:
          InputError: the store does not have a sentence.
        """
        return [self.features(tokens) for tokens in sentences]

    def check(self, sentences: Iterable[Sentence]) -> None:
        """Checks that the store has every sentence.

        Args:
          sentences: the sentences.

        Raises:
          InputError: sentences are missing; the message names the first of them.
        """
        count, absent, first = 0, 0, None
        for sentence in sentences:
            count += 1
            if sentence.tokens not in self:
                absent += 1
                first = first or sentence
        if first:
            found = (
                f"no features for {absent} of {count} sentences "
                f"(the first is {first.id}: {quote(first.tokens)})"
            )
            raise self._incomplete(found)

    def _incomplete(self, found: str) -> InputError:
        """Returns the error for a store that lacks a sentence."""
        return InputError(self.path, None, found, f"features of every sentence ({self.remedy})")


def quote(tokens: Sequence[str]) -> str:
    """Returns a sentence as error messages quote it: cut to a length that fits on a line."""
    return show(" ".join(tokens))


def to_float16(
    values: Float[np.ndarray, "l n d"], tokens: Sequence[str], path: str | Path = "contextual features"
) -> Float16[np.ndarray, "l n d"]:
    """Returns the values in half precision.

    Args:
      values: the vectors of all layers for the tokens.
      tokens: the tokens of the sentence, for error messages.
      path: the place of the values, for error messages.

    Raises:
      InputError: a value is not finite in half precision; the message names its layer and token.
    """
    return to_half(values, lambda place: f"in layer {place[0]} of token {place[1]} of {quote(tokens)}", path)


def to_half(
    values: Float[np.ndarray, "..."], where: Callable[[tuple[int, ...]], str], path: str | Path
) -> Float16[np.ndarray, "..."]:
    """Returns the values in half precision.

    Args:
      values: the values.
      where: describes the place of a value, given its indices, for error messages.
      path: the place of all values, for error messages.

    Raises:
      InputError: a value is not finite in half precision.
    """
    with np.errstate(over="ignore"):
        half = values.astype("<f2", copy=False)
    if not np.isfinite(half).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(half))[0]))
        expected = "numbers up to 65504, the largest of float16"
        raise InputError(path, None, f"{values[place]} {where(place)}", expected)
    return half


def parse_spec(value: Any, path: Path, line: int | None = None) -> EncoderSpec:
    """Returns the description of an encoder that JSON expressed.

    Args:
      value: the fields by name.
      path: the file, for error messages.
      line: the line of the file; None: the whole file.

    Raises:
      InputError: a field is missing, unknown or of another type, or a size is below 1.
    """
    fail = partial(InputError, path, line)
    types = EncoderSpec.__annotations__
    check_keys(value, tuple(types), tuple(types), "the description of an encoder", fail)
    for name, kind in types.items():
        if type(value[name]) is not kind or (kind is int and value[name] < 1):
            expected = "a string" if kind is str else "an integer of at least 1"
            raise fail(f"{name} = {show(value[name])}", expected)
    return EncoderSpec(**value)


def check_spec(path: Path, found: EncoderSpec, expected: EncoderSpec) -> None:
    """Checks that two specs are the same encoder.

    Args:
      path: the place of the features, for error messages.
      found: the encoder that computed the features.
      expected: the encoder that is needed.

    Raises:
      InputError: the specs differ; the message names the fields that differ.
    """
    differing = [field for field in EncoderSpec._fields if getattr(found, field) != getattr(expected, field)]
    if differing:
        theirs, ours = (
            ", ".join(f"{field} {getattr(spec, field)!r}" for field in differing)
            for spec in (found, expected)
        )
        raise InputError(path, None, f"features by an encoder of {theirs}", ours)
