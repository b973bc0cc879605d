"""ELMo as an encoder, which computes vectors of all its layers from sentences."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from cman_jax.encoders.elmo.network import BidirectionalLM, CharacterCNN, LSTMState
from cman_jax.encoders.elmo.weights import BEGIN_SENTENCE, END_SENTENCE, NUM_IDS, char_ids, read_elmo
from cman_jax.encoders.float32 import apply_float32
from cman_jax.types import EncoderSpec

_VERSION = 1

# At the published size, the gates of a token take 128 KiB. So the gates of a batch take at most a quarter of
# a GiB, unless a single sentence is longer.
_MOST_SENTENCES, _MOST_TOKENS, _MOST_WORDS = 32, 2048, 64


class ElmoEncoder:
    """A pretrained ELMo.

    Layer 0 contains the vector of the character network twice. Every other layer contains the output of the
    forward LSTM, then the output of the backward LSTM.

    Attributes:
      spec: the exact encoder; equal specs mean equal features.
    """

    spec: EncoderSpec

    def __init__(self, options: str | Path, weights: str | Path, *, stateful: bool = False):
        """Reads the files.

        Args:
          options: options.json as AllenNLP publishes it.
          weights: weights.hdf5 as AllenNLP publishes it.
          stateful: whether the LSTMs start a sentence from the state after the sentence before it, instead of
            from zero. The state is kept within one call to `encode`, which then expects one document. This is
            only for comparisons with AllenNLP, whose vectors depend on the preceding sentences.

        Raises:
          InputError: as in `read_elmo`.
        """
        files = read_elmo(options, weights)
        o = files.options
        name = "elmo-stateful" if stateful else "elmo"
        self.spec = EncoderSpec(name, o.num_layers + 1, 2 * o.projection_dim, files.digest, _VERSION)
        self._stateful, self._max_characters = stateful, o.max_characters
        self._characters = CharacterCNN(
            NUM_IDS, o.char_dim, o.filters, o.num_highways, o.activation, o.projection_dim
        )
        self._lm = BidirectionalLM(o.num_layers, o.lstm_dim, o.cell_clip, o.proj_clip, o.skip_connections)
        self._params = jax.device_put(files.params)

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Float[np.ndarray, "l n d"]]:
        """Returns the vectors of all layers for each sentence's tokens, in the order of the sentences.

        The vectors of the sentence boundaries are left out. A sentence without tokens has no vectors. If the
        encoder is stateful, the LSTMs still read the boundaries of such a sentence.

        Args:
          sentences: the tokens of each sentence.
        """
        bounded = [(BEGIN_SENTENCE, *sentence, END_SENTENCE) for sentence in sentences]
        rows = {word: i for i, word in enumerate(dict.fromkeys(chain.from_iterable(bounded)))}
        vectors = self.token_embeddings(list(rows))
        tokens = [vectors[[rows[word] for word in sentence]] for sentence in bounded]
        layers: dict[int, np.ndarray] = {}
        state = None
        for indices, length in self._batches([len(sentence) for sentence in bounded]):
            before = state if self._stateful else None
            batch, state = self._run([tokens[i] for i in indices], length, before)
            layers |= zip(indices, batch, strict=True)
        return [layers[i][:, 1:-1] for i in range(len(sentences))]

    def token_embeddings(self, words: Sequence[str]) -> Float[np.ndarray, "w p"]:
        """Returns the character network's vector of each word, which is half of the word's layer 0.

        The vector does not depend on the surrounding words.

        Args:
          words: the words; any string is allowed.
        """
        vectors = [np.zeros((0, self.spec.width // 2), np.float32)]
        for part in _parts(words, _MOST_WORDS):
            padded = [*part, *[""] * (_power_of_two(len(part)) - len(part))]
            ids = char_ids(padded, self._max_characters)
            made = apply_float32(self._characters, self._params["characters"], ids)
            vectors.append(np.asarray(made)[: len(part)])
        return np.concatenate(vectors)

    def _batches(self, lengths: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
        """Yields the indices of the sentences of each batch, and the length that they are padded to.

        If the encoder is stateful, each sentence is a batch of its own, in the order of the sentences.

        Args:
          lengths: the number of tokens of each sentence, including its boundaries.
        """
        if self._stateful:
            yield from (([i], _padded_length(length)) for i, length in enumerate(lengths))
            return
        for padded in sorted(set(map(_padded_length, lengths))):
            indices = [i for i, length in enumerate(lengths) if _padded_length(length) == padded]
            most = min(_MOST_SENTENCES, max(1, _MOST_TOKENS // _power_of_two(padded)))
            yield from ((part, padded) for part in _parts(indices, most))

    def _run(
        self, tokens: Sequence[Float[np.ndarray, "_ p"]], length: int, state: LSTMState | None
    ) -> tuple[list[Float[np.ndarray, "l _ d"]], LSTMState]:
        """Returns the layers of each sentence of a batch, and the state after the batch.

        The batch is filled up to a power of two with sentences without tokens.

        Args:
          tokens: the word vectors of each sentence.
          length: the length that the sentences are padded to.
          state: the state to start from; None: zero.
        """
        batch, dim = _power_of_two(len(tokens)), self.spec.width // 2
        padded, mask = np.zeros((batch, length, dim), np.float32), np.zeros((batch, length), bool)
        for i, sentence in enumerate(tokens):
            padded[i, : len(sentence)], mask[i, : len(sentence)] = sentence, True
        state = state or self._lm.start(batch, dim)
        layers, state = apply_float32(self._lm, self._params["lstms"], padded, mask, state)
        layers = np.asarray(layers)
        return [layers[:, i, : len(sentence)].copy() for i, sentence in enumerate(tokens)], state


def _parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Returns the items in consecutive parts of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _power_of_two(count: int) -> int:
    """Returns the smallest power of two that is at least `count`."""
    return 1 << (count - 1).bit_length()


def _padded_length(length: int) -> int:
    """Returns the smallest of 16, 24, 32, 48, 64, 96, ... that is at least `length`.

    The padded lengths are few because a program is compiled for each of them.
    """
    power = _power_of_two(max(16, length))
    return 3 * power // 4 if 16 < length <= 3 * power // 4 else power
