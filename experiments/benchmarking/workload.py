"""What is computed: batches of an exact shape made of real sentences, and parameters that all start from."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from cman_jax.data.batching import encode
from cman_jax.data.corpus import load_split, load_splits
from cman_jax.run.system import System
from cman_jax.training.open_run import open_run
from cman_jax.types import Batch, Params, Relation, Sentence
from experiments.benchmarking.settings import Settings


class Workload(NamedTuple):
    """What a worker measures on."""

    system: System
    params: Params
    sentences: Sequence[Sentence]  # of the training split

    @classmethod
    def load(cls, settings: Settings) -> "Workload":
        """Reads what `share` wrote."""
        shared = Path(settings.shared)
        system = System.load(shared / "run")
        tree = jax.tree.structure(system.param_shapes())
        with np.load(shared / "params.npz") as arrays:
            params = jax.tree.unflatten(tree, [arrays[f"arr_{i}"] for i in range(len(arrays))])
        return cls(system, params, load_split(settings.data, "train"))

    def batch(self, batch_size: int, length: int) -> Batch:
        """`batch_size` sentences of `length` tokens each, without padding among the tokens."""
        sentences = lay_end_to_end(self.sentences, length, batch_size)
        examples = [encode(sentence, self.system.vocabs) for sentence in sentences]
        return self.system.collate(examples, length, batch_size)


def share(settings: Settings) -> None:
    """Writes system and fresh parameters into `settings.shared`, for all workers.

    Raises:
      InputError: the corpus or the vectors are bad.
    """
    shared, config = Path(settings.shared), settings.config
    system = open_run(config, load_splits(settings.data), shared / "run", settings.vectors_path)
    params = system.init_params(jax.random.key(config.training.seed))
    np.savez(shared / "params.npz", *map(np.asarray, jax.tree.leaves(params)))


def lay_end_to_end(sentences: Sequence[Sentence], length: int, count: int) -> list[Sentence]:
    """`count` sentences of exactly `length` tokens, cut from the given ones laid end to end.

    Entities and relations that lie whole within a cut are kept. A text that is too short begins again.
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
    """Tokens `start` to `end`, with the annotation that fits whole."""
    whole = [i for i, entity in enumerate(text.entities) if start <= entity.start and entity.end <= end]
    place = {i: k for k, i in enumerate(whole)}
    entities = [text.entities[i] for i in whole]
    relations = [
        Relation(place[r.subject], place[r.object], r.type)
        for r in text.relations
        if r.subject in place and r.object in place
    ]
    return Sentence(
        id=f"{start}",
        tokens=text.tokens[start:end],
        entities=tuple(e._replace(start=e.start - start, end=e.end - start) for e in entities),
        relations=tuple(relations),
    )
