"""Trains a network on annotated sentences, then scores it on dev and test.

    cman train --config=conll04 --data=DIR --workdir=DIR --vectors=FILE --config.training.num_epochs=20

Started again with the same workdir, training resumes where it stopped. With --encoder=minilm, or a folder
with the files of a pretrained encoder, contextual features are computed first and kept. --population=5 trains
five seeds as one program, each as an ordinary run in a folder of its own: WORKDIR/seed_0, ...
"""

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import jax
from absl import flags

from cman_jax.app.encoder_flags import features_for_training
from cman_jax.app.flags import define_config
from cman_jax.app.runtime import start_jax
from cman_jax.app.scoring import evaluate
from cman_jax.config import Config, validate
from cman_jax.data.corpus import load_splits
from cman_jax.errors import InputError
from cman_jax.run.lock import training_in
from cman_jax.training.loop import train_population
from cman_jax.training.member import Job
from cman_jax.training.progress import ConsoleProgress

_CONFIG = define_config()
_DATA = flags.DEFINE_string(
    "data", None, "Folder with train.jsonl, dev.jsonl and optionally test.jsonl.", required=True
)
_WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run, new or to be resumed.", required=True)
_VECTORS = flags.DEFINE_string(
    "vectors",
    None,
    "File of pretrained word vectors: word2vec or GloVe text, also gzipped, or word2vec binary.",
)
_POPULATION = flags.DEFINE_integer(
    "population",
    1,
    "Number of seeds that are trained together, from --config.training.seed on.",
    lower_bound=1,
)
_DEVICES = flags.DEFINE_integer(
    "num_devices",
    0,
    "Number of devices that share each batch, or the seeds of a population; 0: all.",
    lower_bound=0,
)


def main(argv: Sequence[str]) -> None:
    """Trains and scores as the flags say."""
    del argv
    start_jax()
    data, workdir = Path(_DATA.value), Path(_WORKDIR.value)
    splits = load_splits(data)
    jobs = [
        Job(config, splits, folder) for config, folder in seeds(_CONFIG.value, workdir, _POPULATION.value)
    ]
    every_sentence = [sentence for sentences in splits.values() for sentence in sentences]
    with ExitStack() as stack:
        for folder in (workdir, *(job.workdir for job in jobs)):
            stack.enter_context(training_in(folder))
        try:
            validate(_CONFIG.value)  # before the features, which take a while
            features = features_for_training(every_sentence, workdir)
            train_population(
                jobs,
                vectors=Path(_VECTORS.value) if _VECTORS.value else None,
                encoder=features,
                num_devices=_DEVICES.value or jax.local_device_count(),
                progress=ConsoleProgress(),
            )
        except ValueError as error:  # a setting that cannot be
            if isinstance(error, InputError):
                raise
            raise InputError("flags", None, str(error), "settings that fit together") from error
        held_out = {name: sentences for name, sentences in splits.items() if name != "train"}
        for job in jobs:
            evaluate(job.workdir, held_out, features)


def seeds(config: Config, workdir: Path, population: int) -> list[tuple[Config, Path]]:
    """Returns the config with each seed, and the folder of its run: the workdir itself for a single run."""
    if population == 1:
        return [(config, workdir)]
    first = config.training.seed
    return [
        (
            dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed)),
            workdir / f"seed_{seed}",
        )
        for seed in range(first, first + population)
    ]
