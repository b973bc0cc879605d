"""Builders of small configs, sentences, batches and networks that many tests share."""

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from hypothesis import settings

from cman_jax.config import Config, DataConfig, ModelConfig
from cman_jax.configs import multihead_conll04
from cman_jax.data.batching import collate, encode
from cman_jax.data.summary import summarise
from cman_jax.data.vocab import Vocabs, build_vocabs
from cman_jax.inference.extractor import Extractor
from cman_jax.model.cman import CMAN
from cman_jax.run.system import System
from cman_jax.types import Batch, Entity, Relation, Sentence
from experiments.faults.random_arrays import normal

# No deadline, because the first example compiles. The same examples every time, so that none fails by chance.
numeric = settings(deadline=None, derandomize=True, max_examples=25)

TOLERANCES = {np.float32: 1e-5, np.float64: 1e-10}

SMALL_DATA = DataConfig(bucket_lengths=(8, 16), char_lengths=(4, 12), char_shares=(0.7, 0.5))
SMALL_MODEL = ModelConfig(
    char_dim=6, char_lstm_dim=3, word_dim=5, label_dim=4, lstm_dim=8, num_heads=4, scorer_dim=7
)
STILL = dataclasses.replace(SMALL_MODEL, input_dropout=0.0, lstm_dropout=0.0)
ABLATIONS = {
    "full": {},
    "as Bekoulis": {"crf": "factored", "relation_scorer": "shared"},
    "no self-attention": {"self_attention": False},
    "no BLA": {"label_attention": False},
    "neither": {"self_attention": False, "label_attention": False},
    "MLP": {"sequence_layer": "mlp"},
}

SENTENCES = (
    Sentence(
        "0",
        ("Ada", "Lovelace", "lived", "in", "London", "."),
        (Entity(0, 2, "Peop"), Entity(4, 5, "Loc")),
        (Relation(0, 1, "Live_In"),),
    ),
    Sentence("1", ("Nobody", "came", ".")),
    Sentence(
        "2",
        ("Ben", "of", "Acme", ",", "London"),
        (Entity(0, 1, "Peop"), Entity(2, 3, "Org"), Entity(4, 5, "Loc")),
        (Relation(0, 1, "Work_For"), Relation(1, 2, "OrgBased_In"), Relation(0, 2, "Live_In")),
    ),
    Sentence("3", ("Rain",)),
)


def vocabs_of(sentences: Sequence[Sentence], *, null_relation: bool = True) -> Vocabs:
    """Returns vocabularies without pretrained vectors that contain all words of the sentences."""
    return build_vocabs(
        summarise(sentences), (), vector_words=None, min_word_count=1, null_relation=null_relation
    )


def batch_of(
    sentences: Sequence[Sentence] = SENTENCES,
    length: int = 8,
    batch_size: int | None = None,
    *,
    vocabs: Vocabs | None = None,
    config: DataConfig = SMALL_DATA,
) -> Batch:
    """Returns the sentences as one batch; by default, with the vocabularies of `SENTENCES`."""
    vocabs = vocabs or vocabs_of(SENTENCES)
    examples = [encode(sentence, vocabs) for sentence in sentences]
    return collate(examples, length, config, batch_size or len(examples), vocabs.sizes)


def network(config: ModelConfig = SMALL_MODEL, vocabs: Vocabs | None = None) -> CMAN:
    """Returns a network for vocabularies; by default, for the vocabularies of `SENTENCES`."""
    vocabs = vocabs or vocabs_of(SENTENCES, null_relation=config.null_relation)
    return CMAN(config, vocabs.sizes)


def precision(dtype: type) -> contextlib.AbstractContextManager:
    """Returns a context in which arrays may have as many bits as `dtype`."""
    return jax.enable_x64(dtype is np.float64)


@contextlib.contextmanager
def quick_compilation() -> Iterator[None]:
    """Switches off most optimisations of XLA, which halves the time of tests that mostly compile."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


@contextlib.contextmanager
def compilations(name: str) -> Iterator[list[str]]:
    """Yields a list that gets an entry for each program compiled inside the `with` block.

    The entry is the name of the compiling thread. Only programs whose function's name contains `name` count.
    """
    threads: list[str] = []

    def record(event: str, _: float, **about: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration" and name in about["fun_name"]:
            threads.append(threading.current_thread().name)

    jax.monitoring.register_event_duration_secs_listener(record)
    try:
        yield threads
    finally:
        jax.monitoring.unregister_event_duration_listener(record)


def tiny_config() -> Config:
    """Returns a config that compiles fast: the baseline with one shape, one scan and one pass."""
    config = multihead_conll04.get_config()
    model = config.model
    model.char_dim = model.char_lstm_dim = model.word_dim = model.label_dim = 4
    model.lstm_dim, model.scorer_dim, model.num_bsa, model.sequence_layer = 8, 8, 1, "mlp"
    config.data = DataConfig(bucket_lengths=(8,), char_lengths=(12,), char_shares=(1.0,))
    config.training.batch_size, config.training.alpha = 4, 0.0
    return config


def random_extractor(first_seed: int = 0, sentences: Sequence[Sentence] = SENTENCES) -> Extractor:
    """Returns a network that compiles fast, with random parameters.

    Args:
      first_seed: the seed of the first parameter.
      sentences: the source of the vocabularies.
    """
    config = Config(model=changed(SMALL_MODEL, sequence_layer="mlp", num_bsa=1), data=SMALL_DATA)
    system = System.build(config, vocabs_of(sentences))
    shapes, tree = jax.tree.flatten(system.param_shapes())
    params = [normal(seed, *leaf.shape) for seed, leaf in enumerate(shapes, first_seed)]
    return Extractor(system, jax.tree.unflatten(tree, params), 1)


def random_variables(module: nn.Module, *inputs: Any, scale: float = 1.0, **options: Any) -> Any:
    """Returns random variables, also where `init` has zeros and ones, without any compilation."""
    init = functools.partial(module.init, **options)
    shapes, tree = jax.tree.flatten(jax.eval_shape(init, jax.random.key(0), *inputs))
    leaves = [jnp.asarray(normal(seed, *leaf.shape, scale=scale)) for seed, leaf in enumerate(shapes)]
    return jax.tree.unflatten(tree, leaves)


def changed(config: ModelConfig, **fields: Any) -> ModelConfig:
    """Returns a config with some fields changed."""
    return dataclasses.replace(config, **fields)


def lengths_to_mask(lengths: Sequence[int], n: int) -> np.ndarray:
    """Returns a mask [b n] that is True at the first `lengths[b]` tokens."""
    return np.arange(n) < np.array(lengths)[:, None]
