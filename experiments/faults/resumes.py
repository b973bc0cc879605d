"""Faults of resuming: another config, corpus, vocabulary, vectors or encoder than at the start of the run."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cman_jax.config import Config, to_dict
from cman_jax.encoders.encoder import Encoder
from cman_jax.errors import InputError
from cman_jax.files import json_text
from cman_jax.run.provenance import Splits
from cman_jax.training.loop import train
from cman_jax.types import EncoderSpec, Sentence
from experiments.faults.finished import (
    Finished,
    config_of,
    copy_of,
    finish,
    resumption,
    splits_of,
    write_vectors,
)
from experiments.faults.row import Broken, Row, demand, refused

_FREE = ("training.max_skipped_updates", "training.num_epochs")  # may change, see `open_run`


class _Given(NamedTuple):
    """What a training is called with."""

    config: Config
    splits: Splits
    vectors: Path | None
    encoder: Encoder | None = None


def attempt(whole: Finished, folder: Path, rng: random.Random) -> str:
    """Resumes a copy of a finished run with one change; then checks that the run still resumes without it."""
    run = copy_of(whole.folder, folder)
    name = rng.choice(sorted(_CHANGES))
    given, expected = _CHANGES[name](_Given(config_of(), splits_of(), whole.vectors), run, rng)
    outcome = _refusal(given, run, expected)
    if name != "vocabulary":  # its file was changed
        demand(resumption(run, whole.vectors)[:2] == whole.resumption, "the run does not resume as before")
    return f"{name}: {outcome}"


class _Other:
    """An encoder that the run was not trained with."""

    spec = EncoderSpec("another", 2, 3, "none", 1)

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Any]:
        """Is never called."""
        raise Broken("features were computed for another encoder")


def _refusal(given: _Given, run: Path, expected: str) -> str:
    """Trains, which must be refused; returns the outcome.

    Raises:
      Broken: training begins, or the line does not name what has changed.
    """
    try:
        train(given.config, given.splits, run, vectors=given.vectors, encoder=given.encoder)
    except InputError as error:
        demand(expected in str(error), f"a line that does not name {expected}: {error}")
        return f"{refused(error)} by name"
    except ValueError as error:  # a setting that is not allowed in any run
        demand("\n" not in str(error), f"several lines: {error}")
        return "refused as a setting that is not allowed"
    raise Broken(f"resumed with another {expected}")


def _other_config(given: _Given, run: Path, rng: random.Random) -> tuple[_Given, str]:
    """Changes one field of the config, whose name must be named."""
    del run
    sections = to_dict(config_of())
    names = [f"{section}.{field}" for section, fields in sections.items() for field in fields]
    name = rng.choice([name for name in names if name not in _FREE])
    section, field = name.split(".")
    config = config_of()  # its new value may be one that training itself refuses
    setattr(getattr(config, section), field, _other_value(sections[section][field], rng))
    return given._replace(config=config), name


def _other_encoder(given: _Given, run: Path, rng: random.Random) -> tuple[_Given, str]:
    """Gives an encoder to a run without one."""
    del run, rng
    return given._replace(encoder=_Other()), "features"


def _other_value(value: Any, rng: random.Random) -> Any:
    """Returns another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return "all" if value == "0" else f"{value}s"
    if isinstance(value, int):
        return value + rng.randint(1, 3)
    if isinstance(value, float):
        return value / 2 + 0.125
    return (*value, value[-1] * 2) if value else (0.5,)


def _other_corpus(given: _Given, run: Path, rng: random.Random) -> tuple[_Given, str]:
    """Changes one sentence of one split: its entities, its words, its place, or drops it."""
    del run
    split = rng.choice(("train", "dev"))
    sentences = list(given.splits[split])
    place = rng.randrange(len(sentences))
    old: Sentence = sentences[place]
    change = rng.randrange(3)
    if change == 0:
        sentences[place] = old._replace(entities=(), relations=())
    elif change == 1:
        sentences[place] = old._replace(tokens=("Changed", *old.tokens[1:]))
    else:
        del sentences[place]
    return given._replace(splits={**given.splits, split: sentences}), split


def _other_vectors(given: _Given, run: Path, rng: random.Random) -> tuple[_Given, str]:
    """Changes the seed of the vectors, one digit of them, or gives none."""
    other = run.with_name("vectors.txt")
    change = rng.randrange(3)
    if change == 0:
        return given._replace(vectors=None), "vectors"
    text = given.vectors.read_text()
    if change == 1:
        write_vectors(other, [line.split(" ")[0] for line in text.split("\n")], seed=rng.randint(1, 1000))
    else:
        place = rng.choice([i for i, letter in enumerate(text) if letter in "123"])
        other.write_text(f"{text[:place]}{int(text[place]) + 1}{text[place + 1 :]}")
    return given._replace(vectors=other), "vectors"


def _other_vocabulary(given: _Given, run: Path, rng: random.Random) -> tuple[_Given, str]:
    """Swaps two words of the run's vocabulary."""
    path = run / "vocabs.json"
    vocabs = json.loads(path.read_text())
    words = max((v for v in vocabs.values() if isinstance(v, list)), key=len)
    i, k = rng.sample(range(len(words)), 2)
    words[i], words[k] = words[k], words[i]
    path.unlink()  # the whole run has the same file
    path.write_text(json_text(vocabs))
    return given, "vocabs.json"


_CHANGES = {
    "config": _other_config,
    "encoder": _other_encoder,
    "corpus": _other_corpus,
    "vectors": _other_vectors,
    "vocabulary": _other_vocabulary,
}
ROWS = (
    Row(
        "resumes",
        "changed config, corpus, vocabulary, vectors or encoder when resuming",
        30,
        "refused by name, and the run resumes without the change",
        finish,
        attempt,
        seconds=300,
    ),
)
