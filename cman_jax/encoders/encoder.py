"""What every pretrained encoder offers: words in, all its layers' vectors out."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cman_jax.data.batching import Example, encode
from cman_jax.data.vocab import Vocabs
from cman_jax.encoders.store.source import to_float16
from cman_jax.types import EncoderSpec, Sentence

_CHUNK = 128  # sentences whose features are held in full precision at a time


@runtime_checkable  # or the tests' type checker could not check it
class Encoder(Protocol):
    """A frozen, pretrained encoder, or a cache of what one gave.

    Attributes:
      spec: what it is, to the last bit.
    """

    spec: EncoderSpec

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """All layers' vectors of each sentence's tokens, in the order given.

        The sentences are batched and padded as suits the encoder; a sentence's vectors depend on its
        own tokens alone (to rounding). No token may be lost: one vector per token and layer.

        Raises:
          InputError: from a cache: a sentence is not in it.
        """
        ...


def encode_all(sentences: Sequence[Sentence], vocabs: Vocabs, encoder: Encoder | None) -> list[Example]:
    """Examples of all sentences, with contextual features where there is an encoder."""
    if encoder is None:
        return [encode(sentence, vocabs) for sentence in sentences]
    examples: list[Example] = []
    for start in range(0, len(sentences), _CHUNK):
        chunk = sentences[start : start + _CHUNK]
        features = encoder.encode([sentence.tokens for sentence in chunk])
        examples += [
            encode(sentence, vocabs, to_float16(each, sentence.tokens))
            for sentence, each in zip(chunk, features, strict=True)
        ]
    return examples
