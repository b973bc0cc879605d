"""The workload of a benchmark: batches of an exact shape made of real sentences, and initial parameters."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from cman_jax.data.batching import encode
from cman_jax.data.corpus import load_split, load_splits
from cman_jax.data.stored import summaries_of
from cman_jax.errors import InputError
from cman_jax.run.system import System
from cman_jax.training.open_run import open_run
from cman_jax.types import Batch, Params, Relation, Sentence
from experiments.benchmarking.settings import Settings


class Workload(NamedTuple):
    """The data and parameters that a worker measures on.

    Attributes:
      system: the network and its vocabularies.
      params: the initial parameters, the same for all workers.
      sentences: the sentences of the training split.
    """

    system: System
    params: Params
    sentences: Sequence[Sentence]

    @classmethod
    def load(cls, settings: Settings) -> "Workload":
        """Reads the system and the parameters that `share` wrote, and the training split.

        Args:
          settings: the settings of the benchmark.
        """
        shared = Path(settings.shared)
        system = System.load(shared / "run")
        tree = jax.tree.structure(system.param_shapes())
        with np.load(shared / "params.npz") as arrays:
            params = jax.tree.unflatten(tree, [arrays[f"arr_{i}"] for i in range(len(arrays))])
        return cls(system, params, load_split(settings.data, "train"))

    def batch(self, batch_size: int, length: int) -> Batch:
        """Returns a batch of `batch_size` sentences with exactly `length` tokens each, without padding.

        Args:
          batch_size: sentences of the batch.
          length: tokens of each sentence.
        """
        return self.parts(batch_size, length, 1)[0]

    def parts(self, batch_size: int, length: int, num_devices: int) -> list[Batch]:
        """Returns the part of a batch that each device computes; see `batch`.

        Args:
          batch_size: sentences of the whole batch.
          length: tokens of each sentence.
          num_devices: number of parts, of equal size.

        Raises:
          InputError: the batch cannot be divided equally.
        """
        if batch_size % num_devices:
            found = f"batch_size = {batch_size} for {num_devices} devices"
            raise InputError("flags", None, found, f"a multiple of {num_devices}")
        sentences = lay_end_to_end(self.sentences, length, batch_size)
        examples = [encode(sentence, self.system.vocabs) for sentence in sentences]
        share = batch_size // num_devices
        return [self.system.collate(examples[k::num_devices], length, share) for k in range(num_devices)]


def share(settings: Settings) -> None:
    """Writes the system and newly initialized parameters into `settings.shared`, for all workers.

    Args:
      settings: the settings of the benchmark.

    Raises:
      InputError: the corpus or the file of word vectors is malformed.
    """
    shared, config = Path(settings.shared), settings.config
    system = open_run(config, summaries_of(load_splits(settings.data)), shared / "run", settings.vectors_path)
    params = system.init_params(jax.random.key(config.training.seed))
    np.savez(shared / "params.npz", *map(np.asarray, jax.tree.leaves(params)))


def lay_end_to_end(sentences: Sequence[Sentence], length: int, count: int) -> list[Sentence]:
    """Returns sentences of exactly `length` tokens, cut from the concatenation of `sentences`.

    Only entities and relations that lie completely within a cut are kept. If there are too few tokens,
    the concatenation repeats `sentences` from the first one.

    Args:
      sentences: the sentences to concatenate, at least one.
      length: tokens of each returned sentence.
      count: how many sentences to return.
    """
    tokens, entities, relations = [], [], []
    for sentence in itertools.cycle(sentences):
        if len(tokens) >= length * count:
            break
        before, first = len(tokens), len(entities)
        tokens += sentence.tokens
        entities += [e._replace(start=e.start + before, end=e.end + before) for e in sentence.entities]
        relations += [Relation(first + r.subject, first + r.object, r.type) for r in sentence.relations]
    text = Sentence("", tuple(tokens), tuple(entities), tuple(relations))
    return [_cut(text, start, start + length) for start in range(0, length * count, length)]


def _cut(text: Sentence, start: int, end: int) -> Sentence:
    """Returns the tokens from `start` to `end` with the entities and relations that lie completely within."""
    kept = [i for i, entity in enumerate(text.entities) if start <= entity.start and entity.end <= end]
    new_index = {old: new for new, old in enumerate(kept)}
    entities = [text.entities[i] for i in kept]
    relations = [
        Relation(new_index[r.subject], new_index[r.object], r.type)
        for r in text.relations
        if r.subject in new_index and r.object in new_index
    ]
    return Sentence(
        id=f"{start}",
        tokens=text.tokens[start:end],
        entities=tuple(e._replace(start=e.start - start, end=e.end - start) for e in entities),
        relations=tuple(relations),
    )
