"""The interface of all pretrained encoders, and examples with the features that an encoder computes."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from cman_jax.data.batching import Example, encode
from cman_jax.data.stored import Stored
from cman_jax.data.vocab import Vocabs
from cman_jax.encoders.store.source import FeatureSource, to_float16
from cman_jax.types import EncoderSpec, PieceRow, Sentence

_CHUNK = 128  # sentences whose features are in memory in full precision at a time


@runtime_checkable  # needed by the type checker of the tests
class Encoder(Protocol):
    """The interface of a frozen, pretrained encoder, or of a store of its features.

    Attributes:
      spec: the exact encoder; equal specs mean equal features.
    """

    spec: EncoderSpec

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """Returns the vectors of all layers for each sentence's tokens, in the order of the sentences.

        The encoder chooses how the sentences are batched and padded. A sentence's vectors depend only on its
        own tokens, up to rounding. Every token must have one vector per layer.

        Args:
          sentences: the tokens of each sentence.

        Raises:
          InputError: the features come from a store that does not contain a sentence.
        """
        ...


class Encoded(NamedTuple):
    """A sentence as an encoder sees it whose upper layers are trained.

    Attributes:
      features: words' vectors of all frozen layers.
      pieces: the inputs of the trained layers: one, or the windows of a long sentence.
    """

    features: Float[np.ndarray, "l n d"]
    pieces: tuple[PieceRow, ...]


@runtime_checkable
class PieceEncoder(Encoder, Protocol):
    """The frozen layers of an encoder whose upper layers are trained.

    Attributes:
      spec: the whole encoder.
    """

    def encode_pieces(self, sentences: Sequence[Sequence[str]]) -> list[Encoded]:
        """Returns words' vectors of all frozen layers, and pieces' states of the last one.

        Args:
          sentences: the tokens of each sentence.

        Raises:
          InputError: a state is not finite in float16.
        """
        ...


def encode_all(sentences: Sequence[Sentence], vocabs: Vocabs, encoder: Encoder | None) -> list[Example]:
    """Returns the examples of all sentences.

    Args:
      sentences: the sentences.
      vocabs: the vocabularies of words, characters and types.
      encoder: computes the contextual features of the examples; None: no contextual features.

    Raises:
      InputError: a store does not contain a sentence, or a feature is not finite in float16.
    """
    if encoder is None:
        return [encode(sentence, vocabs) for sentence in sentences]
    examples: list[Example] = []
    for start in range(0, len(sentences), _CHUNK):
        chunk = sentences[start : start + _CHUNK]
        examples += [
            encode(sentence, vocabs, to_float16(each.features, sentence.tokens), each.pieces)
            for sentence, each in zip(chunk, _encoded(encoder, chunk), strict=True)
        ]
    return examples


def examples_of(sentences: Sequence[Sentence], vocabs: Vocabs, encoder: Encoder | None) -> Sequence[Example]:
    """Returns the examples of all sentences, which are encoded now, or whenever they are asked for.

    Those of sentences that stay on disk are encoded when they are asked for, unless an encoder would compute
    them: its features are in memory.

    Args:
      sentences, vocabs, encoder: as for `encode_all`.

    Raises:
      InputError: as `encode_all`; a feature that is not finite is refused when it is asked for.
    """
    if isinstance(sentences, Stored) and (encoder is None or isinstance(encoder, FeatureSource)):
        return _StoredExamples(sentences, vocabs, encoder)
    return encode_all(sentences, vocabs, encoder)


class _StoredExamples(Sequence[Example]):
    """The examples of sentences that stay on disk, with features that are there too."""

    def __init__(self, sentences: Stored, vocabs: Vocabs, store: FeatureSource | None):
        if store is not None:
            store.check(sentences)
        self._sentences, self._vocabs, self._store = sentences, vocabs, store

    def __len__(self) -> int:
        return len(self._sentences)

    def __getitem__(self, index: Any) -> Any:
        """Returns an example, or the list of the examples of a slice."""
        if isinstance(index, slice):
            return encode_all(self._sentences[index], self._vocabs, self._store)
        (example,) = encode_all([self._sentences[index]], self._vocabs, self._store)
        return example


def _encoded(encoder: Encoder, sentences: Sequence[Sentence]) -> list[Encoded]:
    """Returns what an encoder computes of sentences; a frozen one computes no pieces."""
    tokens = [sentence.tokens for sentence in sentences]
    if isinstance(encoder, PieceEncoder):
        return encoder.encode_pieces(tokens)
    return [Encoded(features, ()) for features in encoder.encode(tokens)]
