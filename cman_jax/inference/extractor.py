"""A trained system from its working directory: sentences or raw text in, entities and triples out.

    extractor = Extractor.load("runs/conll04")
    extractor.extract("Jane Roe works for Acme in Boston.")

`python -m experiments.predict` is its command.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cman_jax.config import Config, DecodingConfig, SettingError, validate
from cman_jax.data.text import Document, to_record
from cman_jax.data.vocab import check_types
from cman_jax.encoders.encoder import Encoder, encode_all
from cman_jax.encoders.load import load_encoder
from cman_jax.encoders.store.source import check_spec
from cman_jax.errors import InputError
from cman_jax.evaluation.metrics import Scores, score_annotations
from cman_jax.inference.arguments import as_documents, as_sentences
from cman_jax.inference.predict import Predictor
from cman_jax.layers.scalar_mix import layer_shares
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.record import chosen_epoch
from cman_jax.run.system import System
from cman_jax.types import Annotation, Params, Sentence

CHUNK = 1024
"""Sentences that are encoded, sorted into batches and annotated together."""


class Extractor:
    """Annotates with the parameters of a run's chosen epoch. Attributes: system; epoch."""

    def __init__(self, system: System, params: Params, epoch: int, encoder: Encoder | None = None):
        self.system, self.epoch = system, epoch
        self._params, self._encoder = params, encoder
        self._predictor = Predictor(system)

    @classmethod
    def load(cls, workdir: str | Path, *, encoder: Encoder | None = None, **decoding: Any) -> "Extractor":
        """The system as it was trained.

        Args:
          workdir: of a training run.
          encoder: for a system that reads contextual features: what gives them, the network or a cache.
            None: the network is loaded, which works where an installed package has all of it (MiniLM).
          decoding: fields of `DecodingConfig` to change.

        Raises:
          InputError: the directory holds no run that has trained for an epoch, a field of `decoding` does not
            exist or has a value that is not allowed, or the encoder is missing or is not the one that the
            system was trained with.
        """
        workdir = Path(workdir)
        system = System.load(workdir)
        config = with_decoding(system.config, decoding)
        if system.encoder is None:
            encoder = None
        else:
            encoder = load_encoder(system.encoder.name) if encoder is None else encoder
            check_spec(workdir / "encoder.json", found=system.encoder, expected=encoder.spec)
        with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
            epoch = chosen_epoch(workdir, config, checkpoints.epochs())
            params = checkpoints.restore_params(epoch, system.param_shapes())
        return cls(system._replace(config=config), params, epoch, encoder)

    @property
    def layer_shares(self) -> list[float]:
        """What each layer of the encoder is multiplied by, the lowest first; empty without features."""
        mix = self._params.get("mix")
        return [] if mix is None else [float(share) for share in layer_shares(**mix)]

    def annotate(
        self,
        sentences: Sentence | Iterable[Sentence],
        on_batch: Callable[[int], None] = lambda num_sentences: None,
    ) -> list[Annotation]:
        """Returns one annotation per sentence; the gold's tags are read under `decoding.labels="gold"` alone.

        `on_batch` is called with the number of sentences of every finished batch.

        Raises:
          TypeError: something is not a sentence.
          InputError: the gold is read and has a type that the system does not know.
        """
        sentences = as_sentences(sentences)
        annotations: list[Annotation] = []
        for start in range(0, len(sentences), CHUNK):  # so that features of text of any length fit
            chunk = sentences[start : start + CHUNK]
            shown = [self._shown(sentence) for sentence in chunk if sentence.tokens]
            examples = encode_all(shown, self.system.vocabs, self._encoder)
            said = iter(self._predictor(self._params, examples, on_batch))
            annotations += [next(said) if sentence.tokens else Annotation((), ()) for sentence in chunk]
        return annotations

    def extract(
        self,
        documents: str | Document | Iterable[str | Document],
        on_batch: Callable[[int], None] = lambda num_sentences: None,
    ) -> list[dict[str, Any]]:
        """Returns one record per text or document, as `to_record` describes; for one text, a list of one.

        Raises:
          TypeError: something is neither a text nor a document.
          InputError: raw text without the extra that tokenises it, or a system that wants gold labels.
        """
        if self._reads_gold:
            raise InputError("labels", None, "gold", "predicted: what is to be annotated has no gold")
        read = as_documents(documents)
        annotations = self.annotate([document.sentence for document in read], on_batch)
        return [
            to_record(document, annotation) for document, annotation in zip(read, annotations, strict=True)
        ]

    @property
    def _reads_gold(self) -> bool:
        return self.system.config.decoding.labels == "gold"

    def _shown(self, sentence: Sentence) -> Sentence:
        """What the network may see of a sentence."""
        if not self._reads_gold:
            return Sentence(sentence.id, sentence.tokens)
        vocabs, where = self.system.vocabs, f"the gold of sentence {sentence.id}"
        check_types(sentence, vocabs.entity_types, vocabs.relation_types, where)
        return sentence

    def score(self, gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Scores:
        """Scores under every convention."""
        return score_annotations(gold, annotations, self.system.vocabs, self.system.config.scoring)


def with_decoding(config: Config, changes: Mapping[str, Any]) -> Config:
    """Returns the config with some decoding options changed.

    Raises:
      InputError: an unknown option, a value that it does not allow, or gold labels that nothing reads.
    """
    known = [field.name for field in dataclasses.fields(DecodingConfig)]
    for name in changes:
        if name not in known:
            raise InputError("decoding options", None, repr(name), f"some of {', '.join(known)}")
    changed = dataclasses.replace(config, decoding=copy.copy(config.decoding))
    for name, value in changes.items():
        setattr(changed.decoding, name, value)
    try:
        validate(changed)
    except SettingError as error:
        place = error.name.replace(".", " option ", 1)
        raise InputError(place, None, repr(error.value), error.allowed) from None
    if changes.get("labels") == "gold" and not config.model.relations_read_labels:
        raise InputError(
            "decoding option labels", None, "'gold'", "'predicted': the relations read no labels"
        )
    return changed
