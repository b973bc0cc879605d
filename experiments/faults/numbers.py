"""Faults of numbers: NaN, infinity and huge values, in everything that a training computes with."""

import dataclasses
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cman_jax.config import Config
from cman_jax.errors import InputError
from cman_jax.run.checkpoint import saved_epochs
from cman_jax.run.checkpoint_files import OPTIMIZER, PARAMS, read_item
from cman_jax.training import loop
from cman_jax.training.step import TrainState
from cman_jax.types import Constants, EncoderSpec
from experiments.faults.finished import config_of, quick_start, splits_of, train_words, write_vectors
from experiments.faults.row import Row, demand, refused

_EPOCHS = 3
_BAD = ("nan", "inf", "-inf", "1e39", "3.4e38", "-3e38", "1e30")
_FEATURES = EncoderSpec("noise", 2, 3, "none", 1)


class _Noise:
    """An encoder of random vectors, of which some have one bad number."""

    spec = _FEATURES

    def __init__(self, value: float, share: float, rng: random.Random):
        self._value, self._share, self._rng = value, share, rng

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """Returns the vectors of each sentence."""
        return [self._vectors(len(tokens)) for tokens in sentences]

    def _vectors(self, length: int) -> np.ndarray:
        """Returns the vectors of one sentence."""
        seed = self._rng.randrange(2**32)
        shape = (_FEATURES.num_layers, length, _FEATURES.width)
        vectors = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        if self._rng.random() < self._share:
            vectors[tuple(self._rng.randrange(size) for size in shape)] = self._value
        return vectors


def prepare(folder: Path) -> None:
    """Prepares JAX."""
    quick_start(folder)


def attempt(prepared: None, folder: Path, rng: random.Random) -> str:
    """Trains with bad numbers in one place, and checks all files that the training leaves behind."""
    del prepared
    name = rng.choice(sorted(_PLACES))
    run = folder / "run"
    try:
        _PLACES[name](run, rng)
        outcome = f"{name}: trained"
    except InputError as error:
        outcome = f"{name}: {refused(error)}"
    _check(run)
    return outcome


def _rate(run: Path, rng: random.Random) -> None:
    """Trains with a rate between large and huge."""
    _train(run, learning_rate=10 ** rng.uniform(0, 37))


def _radius(run: Path, rng: random.Random) -> None:
    """Trains with a huge radius of the perturbation."""
    _train(run, alpha=10 ** rng.uniform(3, 38))


def _vectors(run: Path, rng: random.Random) -> None:
    """Trains with a bad number in a word's vector."""
    path = run.with_name("vectors.txt")
    write_vectors(path, train_words())
    lines = path.read_text().split("\n")
    line = rng.randrange(len(lines))
    word, *numbers = lines[line].split(" ")
    numbers[rng.randrange(len(numbers))] = rng.choice(_BAD)
    lines[line] = " ".join((word, *numbers))
    path.write_text("\n".join(lines))
    _train(run, vectors=path)


def _features(run: Path, rng: random.Random) -> None:
    """Trains with a bad number in some contextual features."""
    value = rng.choice((np.nan, np.inf, -np.inf, 7e4, 6.5e4, -6.5e4))
    _train(run, encoder=_Noise(value, rng.choice((0.02, 0.5)), rng))


def _state(run: Path, rng: random.Random) -> None:
    """Puts a bad number into a parameter or a moment of the optimiser, before a random step."""
    part, place, bad, when = rng.choice(("params", "opt_state")), rng.randrange(2**31), *_moment(rng)

    def disturb(state: TrainState, constants: Constants) -> tuple[TrainState, Constants]:
        leaves, tree = jax.tree.flatten(getattr(state, part))
        floats = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]
        i = floats[place % len(floats)]
        flat, k = leaves[i].ravel(), place % leaves[i].size
        leaves[i] = flat.at[k].set(jnp.where(state.step == when, bad, flat[k])).reshape(leaves[i].shape)
        return state._replace(**{part: jax.tree.unflatten(tree, leaves)}), constants

    _train_disturbed(run, disturb)


def _loss(run: Path, rng: random.Random) -> None:
    """Multiplies all word vectors in a random step, so that losses or gradients are not finite."""
    bad, when = _moment(rng)

    def disturb(state: TrainState, constants: Constants) -> tuple[TrainState, Constants]:
        factor = jnp.where(state.step == when, bad, 1)
        return state, jax.tree.map(lambda x: x * factor, constants)

    vectors = run.with_name("vectors.txt")
    write_vectors(vectors, train_words())
    _train_disturbed(run, disturb, vectors=vectors)


def _moment(rng: random.Random) -> tuple[float, int]:
    """Returns a bad number, and a step of the training."""
    steps = _EPOCHS * len(splits_of()["train"]) // 8
    return rng.choice((np.nan, np.inf, -np.inf, 3e38, 1e30)), rng.randrange(steps)


def _train_disturbed(run: Path, disturb: Callable[..., tuple], **options: Any) -> None:
    """Trains with steps before which `disturb` changes the state and the constants."""
    plain = loop.train_step

    def step(
        model: Any, optimizer: Any, objective: Any, state: Any, constants: Any, *rest: Any, **more: Any
    ) -> Any:
        return plain(model, optimizer, objective, *disturb(state, constants), *rest, **more)

    loop.train_step = step
    try:
        _train(run, **options)
    finally:
        loop.train_step = plain


def _train(run: Path, vectors: Path | None = None, encoder: Any = None, **training: Any) -> None:
    """Trains a few epochs."""
    config: Config = config_of(_EPOCHS)
    config.training = dataclasses.replace(config.training, **training)
    loop.train(config, splits_of(), run, vectors=vectors, encoder=encoder)


def _check(run: Path) -> None:
    """Checks that all saved arrays are finite, and that no JSON contains a NaN.

    Raises:
      Broken: a number is not finite.
    """
    checkpoints = run / "checkpoints"
    for epoch in saved_epochs(checkpoints):
        for item in (PARAMS, OPTIMIZER):
            for name, array in read_item(checkpoints / str(epoch), item).items():
                demand(bool(np.isfinite(array).all()), f"{name} of epoch {epoch} is not finite")
    for path in sorted((*run.glob("*.json"), *run.glob("*.jsonl"))):
        for line in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
            json.loads(line, parse_constant=lambda word, path=path: demand(False, f"{word} in {path.name}"))


_PLACES = {
    "learning rate": _rate,
    "radius of the perturbation": _radius,
    "word vectors": _vectors,
    "features": _features,
    "parameter or moment": _state,
    "loss or gradient": _loss,
}
ROWS = (
    Row(
        "numbers",
        "NaN, infinity, huge numbers (vectors, features, rates, loss, gradient, parameter, moment)",
        50,
        "parameters finite, no NaN in JSON; refused by one line, or trained",
        prepare,
        attempt,
        seconds=600,
    ),
)
