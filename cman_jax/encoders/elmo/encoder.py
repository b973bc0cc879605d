"""ELMo as an encoder: sentences in, the vectors of all its layers out."""

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

# At the published size a token's gates take 128 KiB, so a batch's at most a quarter of a GiB, unless one
# sentence is longer.
_MOST_SENTENCES, _MOST_TOKENS, _MOST_WORDS = 32, 2048, 64


class ElmoEncoder:
    """A pretrained ELMo; layer 0 is the characters' vector twice, the others are forward, then backward.

    Attributes:
      spec: what it is.
    """

    spec: EncoderSpec

    def __init__(self, options: str | Path, weights: str | Path, *, stateful: bool = False):
        """Reads the files.

        Args:
          options: options.json as AllenNLP publishes it.
          weights: weights.hdf5 likewise.
          stateful: the LSTMs start a sentence not from zero but from the state after the sentence before it
            in the same call to `encode`, which then takes one document. Only to compare with AllenNLP, whose
            vectors depend on what came before.

        Raises:
          InputError: as `read_elmo`.
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
        """All layers' vectors of each sentence's tokens, in the order given, sentence boundaries left out.

        A sentence without tokens gives none, but where states are carried its boundaries are read.
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
        """The characters' vector of each word: half of its layer 0, whatever stands around it."""
        vectors = [np.zeros((0, self.spec.width // 2), np.float32)]
        for part in _parts(words, _MOST_WORDS):
            padded = [*part, *[""] * (_power_of_two(len(part)) - len(part))]
            ids = char_ids(padded, self._max_characters)
            made = apply_float32(self._characters, self._params["characters"], ids)
            vectors.append(np.asarray(made)[: len(part)])
        return np.concatenate(vectors)

    def _batches(self, lengths: Sequence[int]) -> Iterator[tuple[Sequence[int], int]]:
        """Who is encoded together and padded to what; where states are carried, one after the other."""
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
        """Encodes a batch padded to the length; sentences that its shape needs besides have no tokens."""
        batch, dim = _power_of_two(len(tokens)), self.spec.width // 2
        padded, mask = np.zeros((batch, length, dim), np.float32), np.zeros((batch, length), bool)
        for i, sentence in enumerate(tokens):
            padded[i, : len(sentence)], mask[i, : len(sentence)] = sentence, True
        state = state or self._lm.start(batch, dim)
        layers, state = apply_float32(self._lm, self._params["lstms"], padded, mask, state)
        layers = np.asarray(layers)
        return [layers[:, i, : len(sentence)].copy() for i, sentence in enumerate(tokens)], state


def _parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _power_of_two(count: int) -> int:
    """The least that is no smaller."""
    return 1 << (count - 1).bit_length()


def _padded_length(length: int) -> int:
    """The least of 16, 24, 32, 48, 64, 96, ... that is no smaller: few shapes, as each is compiled."""
    power = _power_of_two(max(16, length))
    return 3 * power // 4 if 16 < length <= 3 * power // 4 else power
