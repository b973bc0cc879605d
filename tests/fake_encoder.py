"""A stand-in for a pretrained encoder, in plain NumPy, so that programs that use it start fast."""

import time
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from cman_jax.types import EncoderSpec, Sentence

SPEC = EncoderSpec("fake", 2, 3, "d1", 1)


class FakeEncoder:
    """An encoder whose vectors depend on the tokens and on the sentences of the call.

    The second dependence imitates the rounding of real encoders.

    Attributes:
      spec: the description of the encoder.
      seconds_per_call: duration of a call of `encode`.
      calls: the sentences of each call.
    """

    def __init__(self, spec: EncoderSpec = SPEC, seconds_per_call: float = 0.0):
        self.spec, self.seconds_per_call = spec, seconds_per_call
        self.calls: list[list[tuple[str, ...]]] = []

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """Returns the vectors of each sentence."""
        self.calls.append([tuple(tokens) for tokens in sentences])
        time.sleep(self.seconds_per_call)
        company = zlib.crc32(repr(self.calls[-1]).encode()) / 2**32
        return [self.vectors(tokens) + np.float32(company) for tokens in sentences]

    def vectors(self, tokens: Sequence[str]) -> Float[np.ndarray, "l n d"]:
        """Returns the part of the vectors that depends on the tokens; `encode` adds a number in [0, 1)."""
        seed = zlib.crc32(repr(tuple(tokens)).encode())
        shape = (self.spec.num_layers, len(tokens), self.spec.width)
        return np.random.default_rng(seed).integers(-500, 500, shape).astype(np.float32)


def named(*sentences: Sequence[str]) -> list[Sentence]:
    """Returns sentences with the ids s0, s1, ..."""
    return [Sentence(f"s{index}", tuple(tokens)) for index, tokens in enumerate(sentences)]


def numbered(numbers: Iterable[int]) -> list[Sentence]:
    """Returns a different sentence for each number, one to four tokens long."""
    return [Sentence(f"n{i}", (f"n{i}", *("of", "the", "cache")[: i % 4])) for i in numbers]
