"""The lower layers of an encoder of BERT's family, which stay frozen while its upper layers are trained.

A run keeps the files of its frozen layers in a folder, so that prediction needs nothing else.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Array, Float, Int

from cman_jax.encoders.bert.checkpoint import BertFiles, read_bert
from cman_jax.encoders.bert.encoder import BertEncoder, Input, encoder_spec
from cman_jax.encoders.bert.upper import Upper
from cman_jax.encoders.bert.weights import weight_shapes
from cman_jax.encoders.encoder import Encoded
from cman_jax.encoders.safetensors import WEIGHTS
from cman_jax.encoders.store.source import quote, to_half
from cman_jax.encoders.windows import Places, Pooling
from cman_jax.types import EncoderSpec, PieceRow


class LowerLayers(BertEncoder):
    """The frozen layers of an encoder; see `encoders.encoder.PieceEncoder`.

    Args:
      files: the encoder's files, of which the weights of the upper layers are not read.
      num_trained: number of layers above, which are trained.
      pooling: how words' vectors are computed from pieces' vectors.
      spec: the whole encoder; None: follows from the files.

    Attributes:
      files: the encoder's files.
      num_trained: number of layers above, which are trained.
    """

    def __init__(
        self, files: BertFiles, num_trained: int, pooling: Pooling = "mean", spec: EncoderSpec | None = None
    ):
        first = files.config.num_layers - num_trained
        super().__init__(files._replace(config=files.config._replace(num_layers=first)), pooling)
        self.spec = spec or encoder_spec(files, pooling)
        self.files, self.num_trained = files, num_trained

    @classmethod
    def load_part(cls, folder: Path, upper: Upper, spec: EncoderSpec) -> "LowerLayers":
        """Loads the layers from the folder that `lower_files` describes.

        Args:
          folder: the folder.
          upper: the layers above, which are trained.
          spec: the whole encoder.

        Raises:
          InputError: a file is missing or damaged, or the extra `encoders` is not installed.
        """
        pooling: Pooling = "first" if spec.name.endswith(":first") else "mean"
        return cls(read_bert(folder, num_layers=upper.first), upper.num_layers, pooling, spec)

    def encode_pieces(self, sentences: Sequence[Sequence[str]]) -> list[Encoded]:
        """Returns words' vectors of all frozen layers, and pieces' states of the last one.

        See `encoders.encoder.PieceEncoder.encode_pieces`.
        """
        rows: list[list[PieceRow]] = [[] for _ in sentences]

        def keep(batch: Sequence[Input], states: Float[Array, "l b n d"]) -> None:
            last = np.asarray(states[-1])
            for index, (sentence, ids, places) in enumerate(batch):
                where = f"below the trained layers, in a word piece of {quote(sentences[sentence])}"
                state = to_half(last[index, : len(ids)], lambda _, where=where: where, "encoder")
                rows[sentence].append(PieceRow(state, _words(places, len(ids))))

        features = self._encode(sentences, keep)
        return [Encoded(*each) for each in zip(features, map(tuple, rows), strict=True)]


def _words(places: Places, length: int) -> Int[np.ndarray, " p"]:
    """Returns the word that each piece of an input adds to, as in `PieceRow`.

    Args:
      places: where the pieces between the special ones belong.
      length: number of pieces, including the special ones.
    """
    words = np.full(length, -1, np.int32)
    inside, added = words[1:-1], places.rests >= 0
    inside[added] = places.words[places.rests[added]]
    inside[places.firsts] = places.words
    return words


def lower_files(files: BertFiles, upper: Upper) -> dict[str, bytes]:
    """Returns the contents of the files that `LowerLayers.load_part` reads, by name.

    Args:
      files: the files of the whole encoder.
      upper: the layers that are trained, whose weights are left out.
    """
    from safetensors.numpy import save  # `read_bert` has checked that the extra is installed

    names = weight_shapes(files.config, upper.first)
    return {**files.texts, WEIGHTS: save({name: files.weights[name] for name in names})}
