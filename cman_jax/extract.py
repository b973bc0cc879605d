"""A trained system from its working directory: sentences or raw text in, entities and triples out.

    extractor = Extractor.load("runs/conll04")
    extractor.extract(["Jane Roe works for Acme in Boston."])

`python -m experiments.predict` is its command.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cman_jax.data.batching import encode
from cman_jax.data.text import Document, from_text, to_record
from cman_jax.evaluation.metrics import Scores
from cman_jax.evaluation.predict import Predictor, score_annotations
from cman_jax.system import System
from cman_jax.training.checkpoint import Checkpoints
from cman_jax.training.run import chosen_epoch
from cman_jax.types import Annotation, Params, Sentence


class Extractor:
    """Annotates with the parameters of a run's chosen epoch. Attributes: system; epoch."""

    def __init__(self, system: System, params: Params, epoch: int):
        self.system, self.epoch = system, epoch
        self._params = params
        self._predictor = Predictor(system)

    @classmethod
    def load(cls, workdir: str | Path, **decoding: Any) -> "Extractor":
        """Args: workdir: of a training run; decoding: fields of `DecodingConfig` to change.

        Raises:
          InputError: the directory holds no run that has trained for an epoch.
        """
        workdir = Path(workdir)
        system = System.load(workdir)
        config = dataclasses.replace(
            system.config, decoding=dataclasses.replace(system.config.decoding, **decoding)
        )
        with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
            epoch = chosen_epoch(workdir, config, checkpoints.epochs())
            params = checkpoints.restore_params(epoch, system.param_shapes())
        return cls(system._replace(config=config), params, epoch)

    def annotate(
        self, sentences: Sequence[Sentence], on_batch: Callable[[int], None] = lambda num_sentences: None
    ) -> list[Annotation]:
        """One annotation per sentence; gold annotations are not looked at.

        `on_batch` is called with the number of sentences of every finished batch.
        """
        examples = [encode(Sentence(s.id, s.tokens), self.system.vocabs) for s in sentences if s.tokens]
        annotations = iter(self._predictor(self._params, examples, on_batch))
        return [next(annotations) if sentence.tokens else Annotation((), ()) for sentence in sentences]

    def extract(
        self,
        documents: Sequence[str | Document],
        on_batch: Callable[[int], None] = lambda num_sentences: None,
    ) -> list[dict[str, Any]]:
        """One record per document, as `to_record` describes; a string is a sentence of raw text.

        Raises:
          InputError: raw text without the extra that tokenises it.
        """
        read = [
            from_text(document, str(i)) if isinstance(document, str) else document
            for i, document in enumerate(documents, 1)
        ]
        annotations = self.annotate([document.sentence for document in read], on_batch)
        return [
            to_record(document, annotation) for document, annotation in zip(read, annotations, strict=True)
        ]

    def score(self, gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Scores:
        """Scores under every convention."""
        return score_annotations(self.system, gold, annotations)
