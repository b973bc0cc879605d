"""What every pretrained encoder offers: words in, all its layers' vectors out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cman_jax.types import EncoderSpec


@runtime_checkable  # or the tests' type checker could not check it
class Encoder(Protocol):
    """A frozen, pretrained encoder. Attributes: spec: what it is, to the last bit."""

    spec: EncoderSpec

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """All layers' float32 vectors of each sentence's tokens, in the order given.

        The sentences are batched and padded as suits the encoder; a sentence's vectors depend on its
        own tokens alone (to rounding). No token may be lost: one vector per token and layer.
        """
        ...
