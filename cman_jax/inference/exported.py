"""A trained network as a program in StableHLO, run without the code of the network.

    from cman_jax.inference.exported import Exported

    network = Exported.load("exported")
    network("Jane Roe works for Acme in Boston.").triples()

Only the vocabularies, the padding of batches and the decoding are this library's; `jax.export` runs the
program. It is called with the arrays of `ARRAYS` and the inputs that the file `ABOUT` describes.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export

from cman_jax.compilation import start_by_default
from cman_jax.config import Config
from cman_jax.config_checks import config_from_json
from cman_jax.data.batching import Example, Plan, collate
from cman_jax.data.long_sentences import plan_prediction
from cman_jax.data.vocab import PADDING_CHAR, Vocabs
from cman_jax.encoders.encoder import Encoder, encode_all
from cman_jax.encoders.load import frozen_encoder
from cman_jax.encoders.store.source import parse_spec
from cman_jax.errors import InputError
from cman_jax.files import read_json
from cman_jax.inference.arguments import as_documents, as_sentences, is_one_text
from cman_jax.inference.chunks import annotate_in_chunks
from cman_jax.inference.decode import decode
from cman_jax.inference.record import Record
from cman_jax.numpy_files import parse_npz
from cman_jax.run import calibration, constraints
from cman_jax.run.calibration import Calibration
from cman_jax.run.constraints import Constraints
from cman_jax.run.installed import check_files
from cman_jax.types import Annotation, Batch, Predictions, Sentence

PROGRAM, ARRAYS, VOCABS, ABOUT = "predict.stablehlo", "arrays.npz", "vocabs.json", "model.json"
"""The files of a folder: the program, its arrays by name, the vocabularies, and what they are."""

_READ = ("files", "encoder", "constraints", "config", "calibration")
"""The keys of `ABOUT` that are read."""

FORMAT = 1
"""The version of the folder's layout."""

MOST_TOKENS = 512
"""The greatest number of tokens of a sentence; the layers compute longer ones in another way."""


class Exported:
    """An exported network.

    Attributes:
      config, vocabs, constraints, calibration: how its outputs become annotations.
      encoder: what computes contextual features; None: the network reads none.
    """

    def __init__(
        self,
        program: bytes,
        arrays: Mapping[str, np.ndarray],
        *,
        config: Config,
        vocabs: Vocabs,
        constraints: Constraints | None,
        calibration: Calibration,
        encoder: Encoder | None,
    ):
        self.config, self.vocabs, self.encoder = config, vocabs, encoder
        self.constraints, self.calibration = constraints, calibration
        self._sizes = vocabs.sizes_with(None if encoder is None else encoder.spec)
        self._arrays = jax.device_put(dict(arrays))
        self._call = jax.jit(export.deserialize(bytearray(program)).call)

    @classmethod
    def load(cls, folder: str | Path, *, encoder: Encoder | str | Path | None = None) -> "Exported":
        """Loads an exported network.

        Args:
          folder: the folder that `cman export` wrote.
          encoder: as for `Extractor.load`.

        Raises:
          InputError: the folder holds no exported network, a file is missing or damaged, or the encoder is
            missing or another one.
        """
        start_by_default()
        folder = Path(folder)
        about = read_json(folder / ABOUT)
        if about.get("format") != FORMAT:
            found = f"format {about['format']!r}" if "format" in about else f"no {ABOUT} with a format"
            raise InputError(folder, None, found, f"a folder of cman export, format {FORMAT}")
        if missing := [name for name in _READ if name not in about]:
            raise InputError(folder / ABOUT, None, f"no {', '.join(missing)}", "the file as it was exported")
        check_files(folder, about["files"])
        spec = None if about["encoder"] is None else parse_spec(about["encoder"], folder / ABOUT)
        arrays = parse_npz((folder / ARRAYS).read_bytes(), folder / ARRAYS)
        vocabs, types = Vocabs.load(folder / VOCABS), about["constraints"]
        return cls(
            (folder / PROGRAM).read_bytes(),
            arrays,
            config=config_from_json(about["config"], folder / ABOUT),
            vocabs=vocabs,
            constraints=None if types is None else constraints.from_json(types, vocabs, folder / ABOUT),
            calibration=calibration.from_json(about["calibration"], folder / ABOUT),
            encoder=frozen_encoder(spec, encoder, folder / ABOUT),
        )

    def __call__(self, texts: Any) -> Record | list[Record]:
        """Returns a `Record` for a single text, else a list with one for each, as an `Extractor` does."""
        documents = as_documents(texts)
        annotations = self.annotate([document.sentence for document in documents])
        records = [Record.of(*pair) for pair in zip(documents, annotations, strict=True)]
        return records[0] if is_one_text(texts) else records

    def annotate(self, sentences: Sentence | Iterable[Sentence]) -> list[Annotation]:
        """Returns one annotation per sentence; a sentence's own annotation is not read.

        Raises:
          TypeError: something is not a sentence.
          InputError: a sentence has more than `MOST_TOKENS` tokens.
        """
        given = as_sentences(sentences)
        for sentence in given:
            if len(sentence.tokens) > MOST_TOKENS:
                found = f"{len(sentence.tokens)} tokens"
                raise InputError(f"sentence {sentence.id!r}", None, found, f"at most {MOST_TOKENS} tokens")
        return list(annotate_in_chunks(given, self._annotate))

    def _annotate(self, sentences: Sequence[Sentence]) -> list[Annotation]:
        """Returns the annotations of sentences that fit memory together."""
        examples = encode_all(sentences, self.vocabs, self.encoder)
        lengths = [len(example.word_ids) for example in examples]
        annotations: dict[int, Annotation] = {}
        for plan in plan_prediction(lengths, self.config.data, self.config.training.batch_size):
            predicted = self._predict(examples, plan)
            for row, i in enumerate(plan.indices):
                one = Predictions(*(array[row] for array in predicted))
                found = decode(one, lengths[i], self.vocabs, self.config.decoding, self.constraints)
                annotations[i] = self.calibration(found)
        return [annotations[i] for i in range(len(examples))]

    def _predict(self, examples: Sequence[Example], plan: Plan) -> Predictions:
        """Returns the predictions for a batch. A sentence beyond the last bucket is a batch of its own."""
        alone = plan.length > self.config.data.bucket_lengths[-1]
        size = 1 if alone else self.config.training.batch_size
        length = min(plan.length, MOST_TOKENS)
        chosen = [examples[i] for i in plan.indices]
        batch = collate(chosen, length, self.config.data, size, self._sizes)
        inputs = inputs_of(batch, len(self.config.data.char_lengths))
        return Predictions(*map(np.asarray, self._call(self._arrays, *inputs)))


def inputs_of(batch: Batch, num_classes: int) -> tuple[Any, ...]:
    """Returns a batch as the program takes it, always with a table for words beyond the last length class.

    Args:
      batch: the batch.
      num_classes: the number of configured classes of word lengths.
    """
    tables = batch.char_ids
    if len(tables) == num_classes:
        tables = (*tables, np.full((8, 2), PADDING_CHAR, np.int32))
    return batch.word_ids, batch.mask, tables, batch.char_rows, batch.features
