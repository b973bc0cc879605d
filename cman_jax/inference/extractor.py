"""The Python door: text in, entities and typed relations out.

    from cman_jax import Extractor

    extractor = Extractor.load("runs/conll04")
    record = extractor("Jane Roe works for Acme in Boston.")
    record.triples()

The command `cman extract` does the same for files.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Any, overload

from cman_jax.compilation import start_by_default
from cman_jax.data.text import Document, sentences_in
from cman_jax.encoders.encoder import Encoder, encode_all
from cman_jax.encoders.of_run import encoder_of_run
from cman_jax.evaluation.metrics import Scores, score_annotations
from cman_jax.inference.arguments import as_documents, as_sentences, is_one_text
from cman_jax.inference.chunks import annotate_in_chunks
from cman_jax.inference.options import with_decoding
from cman_jax.inference.predict import Predictor
from cman_jax.inference.record import Record
from cman_jax.inference.steps import SystemStep
from cman_jax.layers.products import precision_of
from cman_jax.layers.scalar_mix import layer_shares
from cman_jax.run.calibration import Calibration, is_outdated, read_calibration, tuned_decoding
from cman_jax.run.checkpoint import Checkpoints
from cman_jax.run.constraints import load_constraints
from cman_jax.run.installed import run_folder
from cman_jax.run.record import chosen_epoch, unsaved_choice
from cman_jax.run.system import System, load_config
from cman_jax.types import Annotation, Params, Sentence

NO_CONSTRAINTS = "no constraints are stored in this run, so that relations may connect any entity types"
"""The note about a run that training of an older version wrote."""

OUTDATED = "the stored calibration is of another epoch, so that probabilities are not calibrated"
"""The note about a run that was trained further, or whose best epoch is another one now."""

ROUNDED = "products with weights are computed in bfloat16"
"""The note about predictions whose last digits are not those of float32."""

UNSAVED = "epoch {} has better scores but no checkpoint, so that epoch {} is used until training is resumed"
"""The note about a run that is being trained or was killed after the scores of an epoch were written."""

OnBatch = Callable[[int], None]
"""Is called with the number of sentences of every finished batch."""


class Extractor:
    """A trained network that extracts entities and relations.

    Attributes:
      system: the network, its vocabularies and its settings.
      params: the parameters of the chosen epoch.
      epoch: the chosen epoch.
      encoder: what computes contextual features; None: the network reads none.
      workdir: the run's working directory; None: a network without files.
      notes: what is missing in the run or special about it, in words for its user.
      constraints: the entity types that relations may connect; None: any.
      calibration: calibrates the probabilities of entities and triples.
    """

    make_step = SystemStep
    """Makes the step that predicts a batch."""

    def __init__(
        self,
        system: System,
        params: Params,
        epoch: int,
        encoder: Encoder | None = None,
        workdir: Path | None = None,
    ):
        self.system, self.params, self.epoch, self.encoder = system, params, epoch, encoder
        self.workdir = workdir
        choice = system.config.decoding.constraints
        self.constraints = load_constraints(choice, workdir, system.vocabs)
        self.notes = () if self.constraints is not None or choice == "none" else (NO_CONSTRAINTS,)
        if precision_of(system.config.decoding.precision) == "bfloat16":
            self.notes += (ROUNDED,)
        stored = None if workdir is None else read_calibration(workdir, epoch)
        if workdir is not None and is_outdated(workdir, epoch):
            self.notes += (OUTDATED,)
        unsaved = None if workdir is None else unsaved_choice(workdir, system.config, epoch)
        if unsaved is not None:
            self.notes += (UNSAVED.format(unsaved, epoch),)
        self.calibration = stored or Calibration()
        self._predictor = Predictor(system, self.make_step(system), self.constraints)

    @classmethod
    def load(
        cls,
        workdir: str | Path,
        *,
        encoder: Encoder | str | Path | None = None,
        threshold: float | str | None = None,
        anchor: str | None = None,
        bio_constraints: bool = True,
        constraints: str | Path | None = None,
        precision: str | None = None,
    ) -> "Extractor":
        """Loads a trained network for use on new text, with the constraints that training taught.

        Args:
          workdir: the working directory of a training run, or the name of an installed model.
          encoder: the pretrained encoder that the network was trained with, as a folder of its files or
            loaded already, or stored features. None: the encoder's package, if it has one.
          threshold: keep relations whose own probability is above this number; the probability of the whole
            triple is not compared. "dev": the tuned threshold or thresholds. None: as configured for the run.
          anchor: "last" or "any"; which tokens of two entities decide about a relation. None: as configured.
          bio_constraints: whether to forbid ill-formed tag sequences.
          constraints: the entity types that relations may connect: "none", "learned" in training, or a JSON
            file. None: the file of the run's config, otherwise "learned".
          precision: of products with weights: "float32", "bfloat16" (rounded factors, which is faster on some
            devices), or "auto" for bfloat16 where it is faster. None: as configured for the run.

        Raises:
          InputError: the directory holds no run with a finished epoch, an option has a value that is not
            allowed, or the encoder is missing or not the one that the network was trained with.
        """
        workdir = run_folder(workdir)
        if constraints is None and load_config(workdir).decoding.constraints == "none":
            constraints = "learned"
        options = {"threshold": threshold, "anchor": anchor, "bio_constraints": bio_constraints}
        options["precision"] = precision
        return cls.as_configured(workdir, encoder=encoder, constraints=constraints, **options)

    @classmethod
    def as_configured(
        cls, workdir: str | Path, *, encoder: Encoder | str | Path | None = None, **options: Any
    ) -> "Extractor":
        """Loads a trained network that decodes as the run's config says, as all evaluations do.

        Args:
          workdir, encoder: as for `load`.
          **options: replace fields of `config.decoding`; None leaves a field as it is.

        Raises:
          InputError: as for `load`.
        """
        start_by_default()
        workdir = run_folder(workdir)
        system = System.load(workdir)
        tuned = options.get("threshold") == "dev"
        config = with_decoding(system.config, options | ({"threshold": None} if tuned else {}))
        encoder = encoder_of_run(system.encoder, encoder, workdir / "encoder.json", system.model.upper)
        with Checkpoints(workdir / "checkpoints", read_only=True) as checkpoints:
            epoch = chosen_epoch(workdir, config, checkpoints.epochs())
            if tuned:
                config = with_decoding(config, tuned_decoding(workdir, epoch, system.vocabs.relation_types))
            params = checkpoints.restore_params(epoch, system.param_shapes())
        return cls(system._replace(config=config), params, epoch, encoder, workdir)

    @property
    def layer_shares(self) -> list[float]:
        """Returns the factor of each layer of the encoder, the lowest layer first; empty without features."""
        mix = self.params.get("mix")
        return [] if mix is None else [float(share) for share in layer_shares(**mix)]

    @overload
    def __call__(self, texts: str | Document, **options: Any) -> Record: ...

    @overload
    def __call__(self, texts: Iterable[Any], **options: Any) -> list[Record]: ...

    def __call__(
        self,
        texts: Any,
        *,
        threshold: float | None = None,
        anchor: str | None = None,
        bio_constraints: bool | None = None,
        constraints: str | Path | None = None,
        on_batch: OnBatch = lambda num_sentences: None,
    ) -> Record | list[Record]:
        """Extracts from one text, or from several.

        Args:
          texts: a text (str), a `Document`, or an iterable of them. In an iterable a list of strings is one
            text's tokens.
          threshold, anchor, bio_constraints, constraints: as for `load`, for this call. None: as loaded.
          on_batch: is called with the number of sentences of every finished batch.

        Returns:
          A `Record` for a single text, else a list with one for each.

        Raises:
          TypeError: something is neither a text, nor a document, nor a list of tokens.
          InputError: an option has a value that is not allowed, or a text is raw and the extra `text`, which
            tokenises it, is not installed.
        """
        options = {"threshold": threshold, "anchor": anchor, "bio_constraints": bio_constraints}
        options |= {"constraints": constraints}
        found = list(self._with(options).records(as_documents(texts), on_batch))
        return found[0] if is_one_text(texts) else found

    def read(self, text: str, name: str = "1", **options: Any) -> list[Record]:
        """Extracts from running text of any number of sentences.

        Args:
          text: the text.
          name: its id; the sentences have the ids "NAME.1", "NAME.2", and so on.
          **options: as for a call of the extractor.

        Returns:
          A `Record` for each sentence.
        """
        return self(list(sentences_in(text, name)), **options)

    def records(
        self,
        documents: Iterable[Document],
        on_batch: OnBatch = lambda num_sentences: None,
    ) -> Iterator[Record]:
        """Yields the record of every document.

        Args:
          documents: the documents, of any number.
          on_batch: is called with the number of sentences of every finished batch.
        """
        read, annotated = tee(documents)
        annotations = self._annotations((document.sentence for document in annotated), on_batch)
        return (Record.of(document, found) for found, document in zip(annotations, read, strict=True))

    def annotate(
        self, sentences: Sentence | Iterable[Sentence], on_batch: OnBatch = lambda num_sentences: None
    ) -> list[Annotation]:
        """Returns one annotation per sentence; a sentence's own annotation is not read.

        Args:
          sentences: one sentence, or several.
          on_batch: is called with the number of sentences of every finished batch.

        Raises:
          TypeError: something is not a sentence.
        """
        return list(self._annotations(as_sentences(sentences), on_batch))

    def candidates(self, sentences: Iterable[Sentence]) -> list[Annotation]:
        """Returns one annotation per sentence, with every relation whose probability is above 0."""
        return self._with({"threshold": 0.0}).annotate(sentences)

    def score(self, gold: Sequence[Sentence], annotations: Sequence[Annotation]) -> Scores:
        """Scores annotations under every convention.

        Args:
          gold: the annotated sentences.
          annotations: one annotation per sentence, in the same order.
        """
        return score_annotations(gold, annotations, self.system.vocabs, self.system.config.scoring)

    def _annotations(self, sentences: Iterable[Sentence], on_batch: OnBatch) -> Iterator[Annotation]:
        """Yields one annotation per sentence."""
        return annotate_in_chunks(sentences, partial(self._annotate, on_batch))

    def _annotate(self, on_batch: OnBatch, sentences: list[Sentence]) -> Iterator[Annotation]:
        """Returns the annotations of sentences that fit memory together."""
        examples = encode_all(sentences, self.system.vocabs, self.encoder)
        return map(self.calibration, self._predictor(self.params, examples, on_batch))

    def _with(self, options: Mapping[str, Any]) -> "Extractor":
        """Returns an extractor of the same network with other decoding options; reads no file for most."""
        config = with_decoding(self.system.config, options)
        if config == self.system.config:
            return self
        other = copy.copy(self)
        other.system = self.system._replace(config=config)
        choice = config.decoding.constraints
        if choice != self.system.config.decoding.constraints:
            other.constraints = load_constraints(choice, self.workdir, self.system.vocabs)
        other._predictor = Predictor(other.system, self.make_step(other.system), other.constraints)
        return other
