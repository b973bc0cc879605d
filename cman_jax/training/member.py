"""One run in the training loop: its data, its files, and the epochs that it has finished."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from cman_jax.config import Config
from cman_jax.data.batching import Plan
from cman_jax.data.contents import contents_of
from cman_jax.data.long_sentences import refuse_long
from cman_jax.data.stored import joined, summaries_of
from cman_jax.data.summary import Summaries
from cman_jax.encoders.encoder import Encoder, encode_all, examples_of
from cman_jax.encoders.of_run import pretrained_layers
from cman_jax.errors import InputError
from cman_jax.evaluation.metrics import score_annotations
from cman_jax.inference.predict import Predictor
from cman_jax.run.checkpoint import Checkpoints, saved_epochs
from cman_jax.run.constraints import load_constraints
from cman_jax.run.provenance import Splits
from cman_jax.run.record import read_metrics, write_metrics
from cman_jax.run.recovery import recover
from cman_jax.run.system import System
from cman_jax.training.open_run import open_run
from cman_jax.training.plans import drawn_plans
from cman_jax.training.step import TrainState
from cman_jax.training.within import Within, remove_within, save_within
from cman_jax.types import Annotation, Params, Sentence


class Job(NamedTuple):
    """A run that is to be trained."""

    config: Config
    splits: Splits  # "train" and "dev", optionally "test"
    workdir: Path  # made if it does not exist; see `open_run` for its files


class Member:
    """A run that is being trained, separately or in a population.

    Args:
      job: the run.
      vectors: file of pretrained word vectors; None: word vectors are trained.
      encoder: computes the contextual features; None: no contextual features.

    Attributes:
      workdir: the directory of its files.
      system: the network and its vocabularies.
      contents: counts of its data.
      examples: the examples that it is trained on.
      key: the key of all its random draws in training.
      rows: the rows of metrics.jsonl, one for each finished epoch.
      note: a line about damaged checkpoints that training does without; None: all are intact.

    Raises:
      InputError: the vectors are damaged, a sentence has no features or is far longer than the buckets, or
        the workdir's run had other settings or data.
    """

    def __init__(self, job: Job, vectors: Path | None, encoder: Encoder | None):
        config, splits, self.workdir = job
        summaries, trained = summaries_of(splits), config.training.trained_splits
        self._trained = {name: splits[name] for name in trained}
        sentences, lengths = joined(self._trained.values()), [summaries[name].lengths for name in trained]
        refuse_long(sentences, np.concatenate(lengths), config.data)
        self.system = self._open(config, summaries, vectors, encoder)
        self._encoder = encoder
        vocabs = self.system.vocabs
        self.contents = contents_of(summaries, trained, vocabs)
        self.examples = examples_of(sentences, vocabs, encoder)
        self._lengths = np.concatenate(lengths)
        if self.system.model.upper:
            self._lengths = np.array([example.room(config.data) for example in self.examples])
        self._dev, first = splits["dev"], len(sentences) - len(splits["dev"])
        # Under train+dev the last examples are dev's.
        self._dev_examples = (
            self.examples[first:] if "dev" in trained else encode_all(self._dev, vocabs, encoder)
        )
        constraints = load_constraints(self.system.config.decoding.constraints, self.workdir, vocabs)
        self._predictor = Predictor(self.system, constraints=constraints)
        self.key, self._init_key = jax.random.split(jax.random.key(config.training.seed))
        self.rows: list[dict[str, Any]] = []
        self.note, self._checkpoints = self._open_checkpoints()

    def _open(
        self, config: Config, summaries: Summaries, vectors: Path | None, encoder: Encoder | None
    ) -> System:
        """Returns the system of the run, new or resumed."""
        return open_run(config, summaries, self.workdir, vectors, encoder)

    def _open_checkpoints(self) -> tuple[str | None, Checkpoints]:
        """Returns the note about damaged checkpoints, and those from which training resumes."""
        return recover(self.workdir, self.system.config), Checkpoints(self.workdir / "checkpoints")

    def close(self) -> None:
        """Waits until everything is written."""
        self._checkpoints.close()
        remove_within(self.workdir, max(saved_epochs(self.workdir / "checkpoints"), default=0))

    def latest_epoch(self) -> int:
        """Returns the last epoch with a checkpoint, or 0."""
        return self._checkpoints.latest_epoch() or 0

    def start_after(self, epoch: int, optimizer: optax.GradientTransformation) -> TrainState:
        """Returns the state that the run had after an epoch; 0: a fresh state.

        Args:
          epoch: the latest epoch with a checkpoint, the epoch before it, or 0.
          optimizer: the optimiser, which fixes the layout of the state.

        Raises:
          InputError: the checkpoint belongs to another network, or is damaged.
        """
        self.rows = [row for row in read_metrics(self.workdir) if row["epoch"] <= epoch]
        params = self.system.init_params(self._init_key)
        if upper := self.system.model.upper:
            params = {**params, "encoder": pretrained_layers(self._encoder, upper)}
        fresh = TrainState.start(params, optimizer)
        return self._checkpoints.restore(epoch, fresh) if epoch else fresh

    @property
    def max_skipped_updates(self) -> int:
        """Returns how many updates of an epoch may be skipped."""
        return self.system.config.training.max_skipped_updates

    def prepare(self, compiler: Executor, params: Params) -> None:
        """Starts to compile the programs that predict dev.

        Args:
          compiler: the threads that compile.
          params: parameters of the network, of which only the shapes are read.
        """
        self._predictor.prepare(compiler, params, self._dev_examples)

    def plans(self, epoch: int) -> list[Plan]:
        """Returns the batches of an epoch, as `drawn_plans` draws them."""
        return drawn_plans(self._lengths, self.system.config, epoch)

    def names_of(self, plan: Plan) -> str:
        """Returns the ids of a batch's sentences, with the splits that they come from."""
        ids: dict[str, list[str]] = {}
        for index in plan.indices:
            split, sentence = self._place(index)
            ids.setdefault(split, []).append(sentence.id)
        return " and ".join(f"{split} sentences {', '.join(each)}" for split, each in ids.items())

    def _place(self, index: int) -> tuple[str, Sentence]:
        """Returns the split and the sentence of an example."""
        for split, sentences in self._trained.items():
            if index < len(sentences):
                return split, sentences[index]
            index -= len(sentences)
        raise IndexError(index)

    def end_epoch(self, epoch: int, state: TrainState, row: dict[str, Any]) -> None:
        """Predicts and scores dev, and writes the metrics and the checkpoint.

        Args:
          epoch: the epoch that has ended.
          state: the state after the epoch.
          row: the epoch's mean losses and speed.

        Raises:
          InputError: the state is not finite; the files stay those of the epoch before.
        """
        self.refuse_not_finite(state, f"after the last step of epoch {epoch}")
        annotations = self._predictor(jax.tree.map(jnp.asarray, state.params), self._dev_examples)
        scores = dev_scores(self.system, self._dev, annotations)
        self.rows.append({"epoch": epoch, **row, **scores})
        write_metrics(self.workdir, self.rows)
        self._checkpoints.save(epoch, state, scores["selection"])  # waits until the one before is written
        remove_within(self.workdir, epoch - 1)

    def save_within(self, part: Within) -> Path | None:
        """Writes the run in the middle of an epoch, and returns the file."""
        return save_within(self.workdir, part)

    def remove_within(self, epoch: int, keep: Path | None) -> None:
        """Removes what was saved within epochs until this one, except one file."""
        remove_within(self.workdir, epoch, keep)

    def refuse_not_finite(self, state: TrainState, where: str) -> None:
        """Raises an InputError if a number of the state is not finite.

        Args:
          state: the state.
          where: the place in training, for the error message.
        """
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.device_get(state))):
            raise self.divergence(f"parameters that are not finite {where}")

    def divergence(self, found: str) -> InputError:
        """Returns the error for a run whose numbers are no longer finite, with what to do.

        Args:
          found: the number and its place.
        """
        training, done = self.system.config.training, self.latest_epoch()
        expected = (
            "finite numbers; train in another workdir with a lower config.training.learning_rate "
            f"(now {training.learning_rate}) or clip gradients with config.training.clip_norm "
            f"(now {training.clip_norm}, 0 = no clipping); "
            f"this workdir keeps {f'epoch {done}' if done else 'no epoch'}"
        )
        return InputError(self.workdir, None, found, expected)


def dev_scores(
    system: System, sentences: Sequence[Sentence], annotations: Sequence[Annotation]
) -> dict[str, Any]:
    """Returns `{"dev": {"ner": f1, "re": f1}, "selection": their mean}`, in %, by the configured convention.

    A task without gold facts does not count in the mean. The selection is None if the gold has nothing to
    score: then no epoch is better than another.

    Args:
      system: contains the convention and the types.
      sentences: the annotated sentences.
      annotations: the prediction for each sentence.
    """
    scoring = system.config.scoring
    scores = score_annotations(sentences, annotations, system.vocabs, scoring)
    f1 = {task: scores.f1(task, **scoring.convention) for task in ("ner", "re")}
    tables = {task: scores.table(task, match=scoring.match, other=scoring.other) for task in f1}
    scored = [f1[task] for task, table in tables.items() if table.micro.gold]
    return {"dev": f1, "selection": sum(scored) / len(scored) if scored else None}
