"""Small trained networks, for tests of what depends on the size of trained parameters.

`tests/trained.npz` contains their parameters in half precision. This command trains them again, in some
minutes:

    python -m tests.trained             # or only some: python -m tests.trained full MLP

The corpus is the generated one (data_prep/generated/corpus.py). Fresh parameters are small: a summand of Eq.
(9) stays below 3. The summands of these networks reach tens, like those of a full training.
"""

import functools
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.config import Config, DataConfig, ModelConfig, TrainingConfig
from cman_jax.data.batching import Example, collate, encode
from cman_jax.data.summary import summarise
from cman_jax.data.vocab import Vocabs, build_vocabs
from cman_jax.model.cman import CMAN
from cman_jax.training.losses import Objective
from cman_jax.training.optimizer import make_optimizer
from cman_jax.training.plans import epoch_plans
from cman_jax.training.step import TrainState, train_step
from cman_jax.types import Batch, Params, Sentence, Sizes
from data_prep.generated.corpus import generate
from tests.builders import changed, quick_compilation

_FILE = Path(__file__).with_suffix(".npz")
_SIZES = {
    **{"input_dropout": 0.0, "lstm_dropout": 0.0, "num_bsa": 1},
    **{"char_dim": 6, "char_lstm_dim": 3, "word_dim": 8, "label_dim": 4},
    **{"lstm_dim": 8, "num_heads": 4, "scorer_dim": 8},
}
_NO_BLA = {"label_attention": False}
_VARIANTS = {
    "full": {"num_bsa": 2},
    "no self-attention, factored chain, shared scorer": {
        **{"self_attention": False, "crf": "factored", "relation_scorer": "shared"},
    },
    "no BLA, contextual features": {"feature_dim": 4, **_NO_BLA},
    "neither attention, no class N": {"self_attention": False, "null_relation": False, **_NO_BLA},
    "MLP": {"sequence_layer": "mlp"},
}
CASES = {name: ModelConfig(**{**_SIZES, **fields}) for name, fields in _VARIANTS.items()}
"""Every ablation, both chains and both scorers, without dropout; few networks, because tests compile each."""
_LENGTH = 20  # tokens of a bucket
_DATA = DataConfig(bucket_lengths=(_LENGTH,), char_lengths=(6, 16), char_shares=(0.8, 0.5))
_TRAINING = TrainingConfig(num_epochs=60, batch_size=16, learning_rate=1e-2, clip_norm=5.0)
PARTS = {
    "scorer": ("relation",),
    "chain": ("tagging",),
    "attention": ("attention",),
    "all three": ("relation", "tagging", "attention"),
}
SCALES = (1, 3, 10, 30)


@functools.cache
def sentences(split: str = "dev") -> tuple[Sentence, ...]:
    """Returns sentences of the generated corpus that fit the bucket; no network was trained on "dev"."""
    found = generate({"train": 400, "dev": 100}[split], split, seed=0)
    return tuple(sentence for sentence in found if len(sentence.tokens) <= _LENGTH)


@functools.cache
def vocabs(*, null_relation: bool = True) -> Vocabs:
    """Returns the vocabularies of the training sentences; rare words share a vector."""
    return build_vocabs(
        summarise(sentences("train")),
        [summarise(sentences("dev"))],
        vector_words=None,
        min_word_count=6,
        null_relation=null_relation,
    )


def sizes_of(config: ModelConfig) -> Sizes:
    """Returns the network's sizes, with two layers of contextual features if the config projects them."""
    sizes = vocabs(null_relation=config.null_relation).sizes
    return sizes._replace(feature_layers=2, feature_width=5) if config.feature_dim else sizes


def examples(config: ModelConfig, found: Sequence[Sentence]) -> list[Example]:
    """Returns the sentences in ids; a token's contextual features depend only on the token."""
    sizes, names = sizes_of(config), vocabs(null_relation=config.null_relation)

    def features(token: str) -> np.ndarray:
        random = np.random.default_rng(zlib.crc32(token.encode()))
        return random.normal(size=(sizes.feature_layers, sizes.feature_width)).astype(np.float16)

    return [encode(s, names, np.stack([features(t) for t in s.tokens], 1)) for s in found]


def batch(config: ModelConfig, members: Sequence[Example], length: int, batch_size: int) -> Batch:
    """Returns the examples as a padded batch."""
    padded = collate(members, length, _DATA, batch_size, sizes_of(config))
    return jax.tree.map(jnp.asarray, padded)


def load(name: str) -> Params:
    """Returns the trained parameters of a case."""
    with np.load(_FILE) as file:
        arrays = {key: file[key].astype(np.float32) for key in file.files if key.startswith(f"{name}/")}
    tree: Params = {}
    for key, array in arrays.items():
        *parents, leaf = key.removeprefix(f"{name}/").split(".")
        functools.reduce(lambda node, parent: node.setdefault(parent, {}), parents, tree)[leaf] = array
    return tree


def scaled(params: Params, part: str, scale: float) -> Params:
    """Returns the parameters, with one of `PARTS` multiplied by the scale."""

    def leaf(path: tuple, x: Any) -> Any:
        return x * np.float32(scale) if {key.key for key in path} & {*PARTS[part]} else x

    return jax.tree_util.tree_map_with_path(leaf, params)


def train(config: ModelConfig, tell: Callable[[str], None]) -> Params:
    """Returns the parameters after all epochs, trained with the dropout of full trainings."""
    with_dropout = changed(config, input_dropout=0.2, lstm_dropout=0.1)
    model, optimizer = CMAN(with_dropout, sizes_of(config)), make_optimizer(_TRAINING)
    members = examples(config, sentences("train"))
    blank = batch(config, [], _LENGTH, _TRAINING.batch_size)
    with quick_compilation():
        init = jax.jit(functools.partial(model.init, train=False))
        state = TrainState.start(init(jax.random.key(0), blank, blank.tags)["params"], optimizer)
    step = jax.jit(functools.partial(train_step, model, optimizer, Objective.of(_TRAINING)))
    lengths = [example.room(_DATA) for example in members]
    whole = Config(model=config, data=_DATA, training=_TRAINING)
    for epoch in range(1, _TRAINING.num_epochs + 1):
        for plan in epoch_plans(lengths, whole, epoch):
            chosen = batch(config, [members[i] for i in plan.indices], plan.length, _TRAINING.batch_size)
            state, metrics = step(state, {}, chosen, jax.random.key(1))
        if epoch % 10 == 0:
            tell(f"epoch {epoch}: NER {metrics.ner_loss:.3f}, relations {metrics.relation_loss:.3f}")
    return jax.device_get(state.params)


def main(names: Sequence[str]) -> None:
    """Trains these cases (without names, all cases) and replaces them in the file."""
    for name in names or CASES:
        trained = train(CASES[name], lambda line, name=name: print(f"{name}: {line}", flush=True))
        kept = {}
        if _FILE.is_file():
            with np.load(_FILE) as file:
                kept = {key: file[key] for key in file.files if not key.startswith(f"{name}/")}
        for path, leaf in jax.tree_util.tree_leaves_with_path(trained):
            kept[f"{name}/{'.'.join(key.key for key in path)}"] = leaf.astype(np.float16)
        np.savez_compressed(_FILE, **kept)
        print(f"{_FILE}: {_FILE.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
