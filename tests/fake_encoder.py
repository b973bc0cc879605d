"""A pretrained encoder's stand-in: numpy alone, so that programs that use it start fast."""

import time
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from cman_jax.types import EncoderSpec, Sentence

SPEC = EncoderSpec("fake", 2, 3, "d1", 1)


class FakeEncoder:
    """Vectors that depend on the tokens and, as an encoder's rounding may, on who shares the call.

    Attributes: calls: the sentences of each call.
    """

    def __init__(self, spec: EncoderSpec = SPEC, seconds_per_call: float = 0.0):
        self.spec, self.seconds_per_call = spec, seconds_per_call
        self.calls: list[list[tuple[str, ...]]] = []

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        self.calls.append([tuple(tokens) for tokens in sentences])
        time.sleep(self.seconds_per_call)
        company = zlib.crc32(repr(self.calls[-1]).encode()) / 2**32
        return [self.vectors(tokens) + np.float32(company) for tokens in sentences]

    def vectors(self, tokens: Sequence[str]) -> Float[np.ndarray, "l n d"]:
        """Up to what depends on the company, which is in [0, 1)."""
        seed = zlib.crc32(repr(tuple(tokens)).encode())
        shape = (self.spec.num_layers, len(tokens), self.spec.width)
        return np.random.default_rng(seed).integers(-500, 500, shape).astype(np.float32)


def named(*sentences: Sequence[str]) -> list[Sentence]:
    """Sentences whose ids count from s0."""
    return [Sentence(f"s{index}", tuple(tokens)) for index, tokens in enumerate(sentences)]


def numbered(numbers: Iterable[int]) -> list[Sentence]:
    """For each number a sentence of its own, one to four tokens long."""
    return [Sentence(f"n{i}", (f"n{i}", *("of", "the", "cache")[: i % 4])) for i in numbers]
